"""The one distance of the project, compiled: squared Euclidean, summed over differences in float32."""

import numpy as np
from numba import njit

# Sums may be reordered (for vector instructions), nothing else may change: the order is fixed when this is
# compiled, so the same two rows give the same bits wherever they are, and d(a, b) = d(b, a).
FAST = {"reassoc", "contract"}

TOLERANCE = 1e-5
"""How far a stored d² may be from the true one, as a share of |x|² + |y|²: what float32 costs any formula for
it, and far below what another row or another epoch's embeddings would give."""


@njit(nogil=True, cache=True, fastmath=FAST, inline="never")
def sq_distance(a, b):
    """Squared Euclidean distance of two float32 (D,) rows."""
    total = np.float32(0.0)
    for d in range(a.shape[0]):
        difference = a[d] - b[d]
        total += difference * difference
    return total
