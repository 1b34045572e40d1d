"""The project's distance function, compiled: squared Euclidean, by differences summed in float32."""

import numpy as np
from numba import njit

# The compiler may reorder the sum, for vector instructions, and nothing else. The order is fixed at compile time, so
# two rows always give the same bits, and d(a, b) = d(b, a).
FAST = {"reassoc", "contract"}

TOLERANCE = 1e-5
"""Allowed difference of a stored d² from the true one, relative to |x|² + |y|²: enough for the float32 rounding of any
formula, and far too little for another row or another epoch's embeddings to pass."""


@njit(nogil=True, cache=True, fastmath=FAST, inline="never")
def sq_distance(a, b):
    """Squared Euclidean distance of two float32 (D,) rows."""
    total = np.float32(0.0)
    for d in range(a.shape[0]):
        difference = a[d] - b[d]
        total += difference * difference
    return total
