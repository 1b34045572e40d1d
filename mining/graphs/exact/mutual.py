"""Candidates of rows among themselves: the product of two blocks of rows serves both, so half of the products suffice.

Each block of products is read twice: by lines, where a limit holds for all numbers of a line, and by columns, where
each number has a limit of its own. So nothing is transposed.
"""

from threading import Lock

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.memory import Budget
from ...compute.threads import over_rows
from ..lanes import LANES, keys_below_each, lowest
from ..pools import Pools, append, empty_pools, finish, offer, pool_bytes
from .bounds import bound_of
from .propose import BlockProposer, Candidates
from .propose import slacks as slacks_of

_BLOCK = 1024
_TILE = 256
"""A block of products, _BLOCK by _TILE, must stay in a core's cache while it is read."""

_STRIP = 8
"""Blocks that a block is compared with at a time."""

_LEAST_SHARE = 4
"""One row in so many must ask, or too few products serve twice."""


def own_rows(
    queries: NDArray[np.float32], query_ids: NDArray[np.int64], vectors: NDArray[np.float32], first_id: int
) -> slice | None:
    """The rows of an index that its queries are, if these are consecutive, and enough to be worth it; else None."""
    if len(queries) <= _BLOCK or len(queries) * _LEAST_SHARE < len(vectors):
        return None
    start = int(query_ids[0]) - first_id
    stop = start + len(queries)
    if start < 0 or stop > len(vectors) or not np.array_equal(query_ids, np.arange(start, stop) + first_id):
        return None
    return slice(start, stop) if np.array_equal(queries, vectors[start:stop]) else None


class MutualProposer:
    """Proposes candidates of consecutive rows of an index, all at once. Its products are in float32.

    one_way: proposes candidates of single blocks, and draws the sample for first limits. sq_norms: float32 (N,), about
    the origin. asking: the rows.
    """

    def __init__(
        self,
        one_way: BlockProposer,
        vectors: NDArray[np.float32],
        sq_norms: NDArray[np.float32],
        origin: NDArray[np.float32],
        farthest: float,
        asking: slice,
    ) -> None:
        self._one_way, self._vectors, self._sq_norms = one_way, vectors, sq_norms
        self._origin, self._farthest, self._asking = origin, farthest, asking

    @staticmethod
    def fits(budget: Budget, rows: int, width: int, wanted: int, threads: int) -> bool:
        """Whether all pools, and what each thread holds, fit a budget."""
        of_thread = 4 * (_BLOCK * _TILE + 2 * _BLOCK * width) + _BLOCK * pool_bytes(wanted)
        needed = rows * (pool_bytes(wanted) + 16) + threads * of_thread
        return budget.left_mib is None or needed <= budget.left_mib * 2**20

    def propose(self, wanted: int, threads: int) -> Candidates:
        """Candidates for the ``wanted`` nearest rows of each row that asks."""
        asking = self._vectors[self._asking]
        bound = bound_of(asking, self._origin, self._farthest)
        limits = np.empty(len(asking), np.float32)

        def estimate(start: int, stop: int) -> None:
            limits[start:stop] = self._one_way.first_limits(self._about(asking[start:stop]), wanted)

        over_rows(estimate, len(asking), threads, step=_BLOCK)
        slack = slacks_of(bound, limits)
        pools = empty_pools(wanted, limits + slack, slack)
        places = range(self._asking.start, self._asking.stop, _BLOCK)
        blocks = [slice(start, min(start + _BLOCK, self._asking.stop)) for start in places]
        others = [
            slice(start, min(start + _BLOCK, end))
            for begin, end in ((0, self._asking.start), (self._asking.stop, len(self._vectors)))
            for start in range(begin, end, _BLOCK)
        ]
        # One block with some others at a time, since its pools then stay in the cache; and in such an order that two
        # threads seldom need the same pools.
        strips = [
            (blocks[i], blocks[i + apart : i + apart + _STRIP])
            for apart in range(0, len(blocks), _STRIP)
            for i in range(len(blocks) - apart)
        ]
        strips += [(block, others[k : k + _STRIP]) for k in range(0, len(others), _STRIP) for block in blocks]
        locks = {block.start: Lock() for block in blocks}

        def compare(start: int, stop: int) -> None:
            for block, strip in strips[start:stop]:
                self._compare(block, strip, pools, locks)

        with self._one_way.one_thread():
            over_rows(compare, len(strips), threads, step=1)

        def close(start: int, stop: int) -> None:
            finish(_part(pools, slice(start, stop)))

        over_rows(close, len(asking), threads)
        return Candidates(pools.rows, pools.limits, bound)

    def _compare(self, block: slice, others: list[slice], pools: Pools, locks: dict[int, Lock]) -> None:
        """Offer the rows of other blocks to the pools of a block and, if they ask, too, its rows to theirs."""
        first = self._asking.start
        queries = self._about(self._vectors[block])
        mine = _part(pools, slice(block.start - first, block.stop - first))
        room = np.empty(len(queries) * _TILE, np.float32)
        tiles = [
            (other, slice(start, min(start + _TILE, other.stop)))
            for other in others
            for start in range(other.start, other.stop, _TILE)
        ]
        for other, tile in tiles:
            products = room[: len(queries) * (tile.stop - tile.start)].reshape(len(queries), -1)
            np.dot(queries, self._about(self._vectors[tile]).T, out=products)
            with locks[block.start]:
                offer(products, self._sq_norms[tile], tile.start, mine)
            if other.start in locks and other != block:
                with locks[other.start]:
                    theirs = _part(pools, slice(tile.start - first, tile.stop - first))
                    offer_columns(products, self._sq_norms[block], block.start, theirs)

    def _about(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return rows - self._origin


def _part(pools: Pools, members: slice) -> Pools:
    """Some of the pools, not copied."""
    keys, rows, counts, limits, slacks, wanted = pools
    return Pools(keys[members], rows[members], counts[members], limits[members], slacks[members], wanted)


@njit(nogil=True, cache=True)
def offer_columns(products, sq_norms, first_row, pools):
    """Like ``pools.offer``, with pools of the columns: line i of the products, float32 (R, B), is row first_row + i.

    sq_norms: float32 (R,), |x|² of those rows.
    """
    keys, rows, counts, limits, slacks, wanted = pools
    columns = products.shape[1]
    whole = columns - columns % LANES
    for i in range(products.shape[0]):
        norm, line = sq_norms[i], products[i]
        for start in range(0, whole, LANES):
            mask = keys_below_each(line, norm, limits, start)
            while mask != 0:
                b = start + lowest(mask)
                mask &= mask - np.uint64(1)
                key = norm - np.float32(2.0) * line[b]
                counts[b], limits[b] = append(
                    keys[b], rows[b], counts[b], limits[b], slacks[b], wanted, key, first_row + i
                )
        for b in range(whole, columns):
            key = norm - np.float32(2.0) * line[b]
            counts[b], limits[b] = append(
                keys[b], rows[b], counts[b], limits[b], slacks[b], wanted, key, first_row + i
            )
