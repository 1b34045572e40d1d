"""k-means that assigns rows by float32 differences; matrix products only select the centres to measure.

Means are summed in float64 in row order. So the centres are the same at any number of threads and with any BLAS.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.blas import one_blas_thread
from ...compute.distances import sq_distance
from ...compute.threads import over_rows, read_only
from ..exact.bounds import ROUNDING, mean_of, measure_about
from ..lanes import LANES, keys_below

_ROWS = 1024
_CENTRES = 256
"""The largest block of products, rows × centres: 1 MiB, which stays in a core's cache while it is scanned."""


def train(
    vectors: NDArray[np.float32], centres: NDArray[np.float32], *, rounds: int, threads: int
) -> NDArray[np.float32]:
    """Lloyd's iterations (IEEE Transactions on Information Theory 28, 1982) from the given centres.

    vectors: float32 (N, D). centres: float32 (C, D). Returns float32 (≤ C, D), distinct; centres that lose all their
    rows are dropped.
    """
    centres = _distinct(centres)
    for _ in range(rounds):
        nearest = assign(vectors, centres, threads=threads)
        sums = np.zeros(centres.shape)
        counts = np.zeros(len(centres), np.int64)
        _add(read_only(vectors), nearest, sums, counts)
        held = counts > 0
        centres = _distinct((sums[held] / counts[held, None]).astype(np.float32))
    return centres


def assign(vectors: NDArray[np.float32], centres: NDArray[np.float32], *, threads: int) -> NDArray[np.int32]:
    """int32 (N,), the nearest centre of each row of float32 (N, D); the first of equally near ones."""
    rows, fixed = read_only(vectors), read_only(centres)
    origin = mean_of(centres)
    moved = centres - origin
    sq_norms = np.empty(len(centres), np.float32)
    measure_about(fixed, origin, sq_norms)
    nearest = np.zeros(len(vectors), np.int32)

    def block(start: int, stop: int) -> None:
        about = rows[start:stop] - origin
        own = np.empty(stop - start, np.float32)
        measure_about(rows[start:stop], origin, own)
        sq = np.full(stop - start, np.inf, np.float32)
        products = np.empty((stop - start) * _CENTRES, np.float32)
        for first in range(0, len(centres), _CENTRES):
            some = moved[first : first + _CENTRES]
            found = products[: (stop - start) * len(some)].reshape(stop - start, len(some))
            np.dot(about, some.T, out=found)
            norms = sq_norms[first : first + _CENTRES]
            _look(found, norms, own, rows[start:stop], fixed, first, sq, nearest[start:stop])

    with one_blas_thread():
        over_rows(block, len(vectors), threads, step=_ROWS)
    return nearest


@njit(nogil=True, cache=True)
def _look(products, sq_norms, own, rows, centres, first, sq, nearest):
    """Measure every centre that could be nearer than the nearest so far, allowing for the rounding of products.

    The three terms of a distance are off by less than (D + 8) 2⁻²⁴ (|q| + |c|)² (see ``exact.bounds``), and a centre
    nearer than d has |c| < |q| + d.
    """
    columns = products.shape[1]
    share = np.float32((rows.shape[1] + 8) * ROUNDING)
    for b in range(products.shape[0]):
        limit = _limit(own[b], sq[b], share)
        for start in range(0, columns, LANES):
            if keys_below(products[b], sq_norms, start, limit) == 0:
                continue
            for c in range(start, min(start + LANES, columns)):
                if sq_norms[c] - np.float32(2.0) * products[b, c] < limit:
                    measured = sq_distance(rows[b], centres[first + c])
                    if measured < sq[b]:
                        sq[b] = measured
                        nearest[b] = first + c
                        limit = _limit(own[b], measured, share)


@njit(nogil=True, cache=True, inline="always")
def _limit(own, sq, share):
    """An upper limit for the key |c|² − 2 q·c of every centre nearer than ``sq``."""
    reach = np.float32(2.0) * np.sqrt(own) + np.sqrt(sq)
    return sq - own + np.float32(1.01) * share * reach * reach


@njit(nogil=True, cache=True)
def _add(vectors, nearest, sums, counts):
    for row in range(vectors.shape[0]):
        centre = nearest[row]
        counts[centre] += 1
        for d in range(vectors.shape[1]):
            sums[centre, d] += vectors[row, d]


def _distinct(centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each distinct centre once, in order of first occurrence: of equal centres only the first would get rows."""
    _, first = np.unique(centres, axis=0, return_index=True)
    return np.ascontiguousarray(centres[np.sort(first)])
