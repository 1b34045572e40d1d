"""First candidates for every vertex: the nearest in the leaves of a few random trees. Compiled.

The paper starts its walks on a graph without edges, and most of them are spent on what any rough
neighbourhood would have given. Cutting the set in halves by random directions (Dasgupta & Freund, STOC
2008) until the parts are small puts near rows together at next to no cost; the walks then find what such
parts tear apart. (Our choice; with ``trees = 0`` the walks start on the empty graph, as in the paper.)
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.distances import sq_distance
from ...compute.threads import over_rows, read_only
from ..pools import cut

_LEAF_ROWS = 96


def seed_candidates(
    vectors: NDArray[np.float32], *, trees: int, keep: int, seed: int, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Candidates and an order of the rows, the same at any number of threads.

    candidates: int32 (N, keep), of the rows that share a leaf of some tree with each row the nearest, −1
    pads. order: int32 (N,), the leaves of the last tree one after the other: near rows are mostly near in it.
    """
    rows = len(vectors)
    candidates = np.full((rows, keep), -1, np.int32)
    sq_distances = np.full((rows, keep), np.inf, np.float32)
    order = np.arange(rows, dtype=np.int32)
    for tree in range(trees):
        order, bounds = _grow(vectors, np.random.default_rng((seed, tree)), threads)

        def join(start: int, stop: int, order=order, bounds=bounds) -> None:
            _join_leaves(vectors, order, bounds, start, stop, candidates, sq_distances)

        over_rows(join, len(bounds) - 1, threads, step=16)
    return candidates, order


def leaf_order(vectors: NDArray[np.float32], *, threads: int) -> NDArray[np.int32]:
    """int32 (N,), the rows of float32 (N, D) vectors in an order in which near rows are mostly near."""
    return _grow(read_only(vectors), np.random.default_rng(0), threads)[0]


def _grow(
    vectors: NDArray[np.float32], rng: np.random.Generator, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Rows ordered so that leaves are runs of the order, and where the leaves begin (and the last one ends).

    Each part is halved at its median along a direction of its own.
    """
    rows, width = vectors.shape
    levels = max(0, int(np.ceil(np.log2(rows / _LEAF_ROWS))))
    order = np.arange(rows, dtype=np.int32)
    bounds = np.array([0, rows], np.int64)
    heights = np.empty(rows, np.float32)
    for _ in range(levels):
        directions = rng.standard_normal((len(bounds) - 1, width), dtype=np.float32)

        def halve(start: int, stop: int, bounds=bounds, directions=directions) -> None:
            _halve(vectors, directions, order, bounds, heights, start, stop)

        over_rows(halve, len(bounds) - 1, threads, step=1 if len(bounds) < 64 else 16)
        middles = (bounds[:-1] + bounds[1:]) // 2
        bounds = np.insert(bounds, np.arange(1, len(bounds)), middles)
    return order, bounds


@njit(nogil=True, cache=True)
def _halve(vectors, directions, order, bounds, heights, start, stop):
    """Reorder parts start..stop so that the half that lies lower along the part's direction comes first."""
    for part in range(start, stop):
        low = bounds[part]
        high = bounds[part + 1]
        for i in range(low, high):
            row = vectors[order[i]]
            height = np.float32(0.0)
            for d in range(row.shape[0]):
                height += row[d] * directions[part, d]
            heights[i] = height
        if high - low > 1:
            cut(heights[low:high], order[low:high], high - low, (high - low) // 2)


@njit(nogil=True, cache=True)
def _join_leaves(vectors, order, bounds, start, stop, candidates, sq_distances):
    """Offer each row of leaves start..stop the others of its leaf."""
    for leaf in range(start, stop):
        members = order[bounds[leaf] : bounds[leaf + 1]]
        for i in range(members.shape[0]):
            for j in range(i):
                sq = sq_distance(vectors[members[i]], vectors[members[j]])
                _offer(candidates[members[i]], sq_distances[members[i]], members[j], sq)
                _offer(candidates[members[j]], sq_distances[members[j]], members[i], sq)


@njit(nogil=True, cache=True, inline="always")
def _offer(rows, sq, row, row_sq):
    last = rows.shape[0] - 1
    if not row_sq < sq[last]:
        return
    place = last
    while place > 0 and sq[place - 1] > row_sq:
        place -= 1
    before = place - 1
    while before >= 0 and sq[before] == row_sq:  # the same pair may have met in another tree
        if rows[before] == row:
            return
        before -= 1
    for i in range(last, place, -1):
        rows[i] = rows[i - 1]
        sq[i] = sq[i - 1]
    rows[place] = row
    sq[place] = row_sq
