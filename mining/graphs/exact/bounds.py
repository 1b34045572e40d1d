"""How far products may be from the truth, and for which queries that matters."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.distances import sq_distance

ROUNDING = 2.0**-24
"""Of float32: half the last place of a number, as a share of it."""

_UNDERFLOW = 2.0**-120
"""More than what numbers too small for float32, or for the products, are off by, for each of their components."""

_LARGEST = 2.0**120
"""Squares above it may overflow on their way."""

_BLOCK_ROWS = 256


@dataclass(frozen=True, slots=True)
class Bound:
    """Of the keys |x|² − 2 q·x of a block of queries, about an origin, and of float32 distances by differences.

    width: D. norms: float64 (Q,), |q|. farthest: the greatest |x|. query_shares: float64 (Q,), and row_share: what
    q and x are rounded by before they are multiplied, as a share of |q| and at most of |x|. last_place: what a key is
    rounded by, as a share of it.
    """

    width: int
    norms: NDArray[np.float64]
    farthest: float
    query_shares: NDArray[np.float64] | float = 0.0
    row_share: float = 0.0
    last_place: float = 0.0

    def errors(self, sq_distances: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 (Q,): how far key + |q|² may be from the measured d² of any row at ``sq_distances`` or nearer.

        Such a row has |x| ≤ |q| + d. The three terms of its d², and the one measured by differences, are off by less
        than 2 (D + 16) 2⁻²⁴ ((|q| + |x|)² + d²) (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1);
        rounding to q' and x' adds 2 |q·x − q'·x'| ≤ 2 |q − q'| |x| + 2 |q'| |x − x'|. Rounding a key keeps the order of
        keys, so what counts is its last place where the limit is, at d².
        """
        sq = np.asarray(sq_distances, np.float64)
        reach = np.minimum(self.norms + np.sqrt(sq), self.farthest)
        own = 2 * (self.width + 16) * ROUNDING * ((self.norms + reach) ** 2 + sq)
        given = self.query_shares + self.row_share + self.query_shares * self.row_share
        error = own + 2 * given * self.norms * reach + self.width * _UNDERFLOW * (1 + self.norms + reach)
        error += self.last_place * (np.abs(self.norms**2 - sq) + error)
        return np.where((self.norms + reach) ** 2 < _LARGEST, error, np.inf)

    def in_doubt(self, limits: NDArray[np.float32], furthest: NDArray[np.float32]) -> NDArray[np.int64]:
        """Queries, int64, whose K-th neighbour is not nearer than every row left out, rounding allowed for.

        limits: float32 (Q,), keys that no row left out is below, infinite where none was. furthest: d² (Q,) of the
        K-th, infinite where there is none.
        """
        with np.errstate(invalid="ignore"):
            sure = furthest < limits + self.norms**2 - self.errors(furthest)
        return np.flatnonzero(~(sure | (limits == np.inf)))


def bound_of(queries: NDArray[np.float32], origin: NDArray[np.float32], farthest: float, **rounding) -> Bound:
    """The bound for float32 (Q, D) queries about the origin; ``rounding`` as in ``Bound``."""
    sq_norms = np.empty(len(queries), np.float32)
    measure_about(queries, origin, sq_norms)
    norms = np.sqrt(sq_norms.astype(np.float64) + _UNDERFLOW)
    return Bound(queries.shape[1], norms, farthest, **rounding)


def greatest_norm(sq_norms: NDArray[np.float32], width: int) -> float:
    """More than the norm of any of the rows, whose squares are given as float32 has them."""
    return float(np.sqrt(sq_norms.max().astype(np.float64) + _UNDERFLOW) * (1 + (width + 16) * ROUNDING))


def mean_of(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (D,), summed in float64."""
    total = np.zeros(vectors.shape[1])
    for first in range(0, len(vectors), _BLOCK_ROWS):
        total += vectors[first : first + _BLOCK_ROWS].sum(axis=0, dtype=np.float64)
    return (total / len(vectors)).astype(np.float32)


@njit(nogil=True, cache=True)
def measure_about(vectors, origin, sq_norms):
    """Squared distances of all rows from the origin, into float32 (N,)."""
    for row in range(vectors.shape[0]):
        sq_norms[row] = sq_distance(vectors[row], origin)
