"""First candidates of every vertex: the nearest rows in its leaves of a few random trees. Compiled.

The paper starts walking on a graph without edges, and most walks only find what any rough neighbourhood would have
given. Halving the set along random directions (Dasgupta & Freund, STOC 2008) until the parts are small puts near rows
together at almost no cost; the walks then find the neighbours that the cuts separated. (Our addition; with
``trees = 0`` the walks start on the empty graph, as in the paper.)
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
    """Returns candidates and an order of the rows, the same at any number of threads.

    candidates: int32 (N, keep), for each row the nearest of those that share a leaf with it in some tree, −1 pads.
    order: int32 (N,), a permutation that mostly puts near rows together: the leaves of the last tree, concatenated.
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
    """int32 (N,), a permutation of the rows of float32 (N, D) vectors that mostly puts near rows together."""
    return _grow(read_only(vectors), np.random.default_rng(0), threads)[0]


def _grow(
    vectors: NDArray[np.float32], rng: np.random.Generator, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Grow a tree: each part is halved at its median along a random direction of its own.

    Returns the rows ordered leaf by leaf, int32 (N,), and the leaves' bounds in that order, int64 (leaves + 1,).
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
    """Reorder each of the parts start..stop so that its lower half along its direction comes first."""
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
    """Offer to each row of leaves start..stop the other rows of its leaf as candidates."""
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
