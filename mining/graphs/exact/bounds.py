"""Bounds on the rounding errors of products, and the queries whose result they leave in doubt."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.distances import sq_distance

ROUNDING = 2.0**-24
"""Relative rounding error of float32: half the last place."""

_UNDERFLOW = 2.0**-120
"""Upper bound of the error per component when numbers or their products underflow float32."""

_LARGEST = 2.0**120
"""Above this, squares may overflow in intermediate results."""

_BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Bound:
    """Error bound of the keys |x|² − 2 q·x of a block of queries, as compared with float32 distances by differences.

    q and x are about the origin. width: D. norms: float64 (Q,), |q|. farthest: the greatest |x|. query_shares: float64
    (Q,), and row_share: relative rounding errors of q, and of any x at most, before they are multiplied. last_place:
    relative rounding error of a key.
    """

    width: int
    norms: NDArray[np.float64]
    farthest: float
    query_shares: NDArray[np.float64] | float = 0.0
    row_share: float = 0.0
    last_place: float = 0.0

    def errors(self, sq_distances: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 (Q,): the most that key + |q|² and measured d² differ, for any row at ``sq_distances`` or nearer.

        Such a row has |x| ≤ |q| + d. The three terms of its d², and the d² measured by differences, are off by less
        than 2 (D + 16) 2⁻²⁴ ((|q| + |x|)² + d²) (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1);
        rounding to q' and x' adds 2 |q·x − q'·x'| ≤ 2 |q − q'| |x| + 2 |q'| |x − x'|. Rounding keeps the order of keys,
        so only its error at the limit counts, that is at d².
        """
        sq = np.asarray(sq_distances, np.float64)
        reach = np.minimum(self.norms + np.sqrt(sq), self.farthest)
        own = 2 * (self.width + 16) * ROUNDING * ((self.norms + reach) ** 2 + sq)
        given = self.query_shares + self.row_share + self.query_shares * self.row_share
        error = own + 2 * given * self.norms * reach + self.width * _UNDERFLOW * (1 + self.norms + reach)
        error += self.last_place * (np.abs(self.norms**2 - sq) + error)
        return np.where((self.norms + reach) ** 2 < _LARGEST, error, np.inf)

    def in_doubt(self, limits: NDArray[np.float32], furthest: NDArray[np.float32]) -> NDArray[np.int64]:
        """The queries, int64, for which a row that was left out may be nearer than the K-th neighbour.

        limits: float32 (Q,), a lower bound of the keys of rows left out, inf if none was. furthest: (Q,), d² of the
        K-th neighbour, inf if there is none.
        """
        with np.errstate(invalid="ignore"):
            sure = furthest < limits + self.norms**2 - self.errors(furthest)
        return np.flatnonzero(~(sure | (limits == np.inf)))


def bound_of(queries: NDArray[np.float32], origin: NDArray[np.float32], farthest: float, **rounding) -> Bound:
    """The bound for float32 (Q, D) queries. rounding: the last three fields of ``Bound``."""
    sq_norms = np.empty(len(queries), np.float32)
    measure_about(queries, origin, sq_norms)
    norms = np.sqrt(sq_norms.astype(np.float64) + _UNDERFLOW)
    return Bound(queries.shape[1], norms, farthest, **rounding)


def greatest_norm(sq_norms: NDArray[np.float32], width: int) -> float:
    """An upper bound of the rows' norms, from their float32 squares."""
    return float(np.sqrt(sq_norms.max().astype(np.float64) + _UNDERFLOW) * (1 + (width + 16) * ROUNDING))


def mean_of(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (D,), the mean of the rows, summed in float64."""
    total = np.zeros(vectors.shape[1])
    for first in range(0, len(vectors), _BLOCK_ROWS):
        total += vectors[first : first + _BLOCK_ROWS].sum(axis=0, dtype=np.float64)
    return (total / len(vectors)).astype(np.float32)


@njit(nogil=True, cache=True)
def measure_about(vectors, origin, sq_norms):
    """Write the squared distance of each row from the origin to sq_norms, float32 (N,)."""
    for row in range(vectors.shape[0]):
        sq_norms[row] = sq_distance(vectors[row], origin)
