"""Pools of the nearest candidates of each query, filled while blocks of products stream by. Compiled.

A pool collects the rows whose key |x|² − 2 q·x is below its limit. Rows are appended as they come; a full pool is cut
to those whose key is at most its slack above the ``wanted``-th least key, and its limit falls accordingly. So an entry
costs one write and a share of a selection. The slack covers the rounding of the products: a row that was cut is *truly*
further away than the wanted ones. If too many rows are within the slack for the pool to hold, the furthest of them are
dropped, and the lower limit shows it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lanes import LANES, keys_below, lowest, not_below

_ROOM, _LEAST_ROOM = 2, 128
"""A pool has room for ``_ROOM`` · wanted + ``_LEAST_ROOM`` entries."""


class Pools(NamedTuple):
    """One pool per query. keys: float32 (B, room). rows: int32 (B, room), local rows. counts: int32 (B,), entries
    filled. limits: float32 (B,); every row left out has a key at or above it. slacks: float32 (B,). wanted: number of
    rows to find."""

    keys: NDArray[np.float32]
    rows: NDArray[np.int32]
    counts: NDArray[np.int32]
    limits: NDArray[np.float32]
    slacks: NDArray[np.float32]
    wanted: int


def empty_pools(wanted: int, limits: NDArray[np.float32], slacks: NDArray[np.float32]) -> Pools:
    """New pools. limits: initial limits, infinite to accept every row."""
    shape = len(limits), _room(wanted)
    counts = np.zeros(len(limits), np.int32)
    return Pools(np.empty(shape, np.float32), np.empty(shape, np.int32), counts, limits, slacks, wanted)


def pool_bytes(wanted: int) -> int:
    """Size of one query's pool in bytes."""
    return 8 * _room(wanted) + 12


def _room(wanted: int) -> int:
    return _ROOM * wanted + _LEAST_ROOM


@njit(nogil=True, cache=True)
def offer(products, sq_norms, first_row, pools):
    """Offer the rows of a block of products to the pools of all its queries.

    products: float32 (B, C), query · row. sq_norms: float32 (C,), |x|² of the rows. first_row: row of column 0.
    """
    keys, rows, counts, limits, slacks, wanted = pools
    for b in range(products.shape[0]):
        counts[b], limits[b] = _offer_line(
            products[b], sq_norms, first_row, keys[b], rows[b], counts[b], limits[b], slacks[b], wanted
        )


@njit(nogil=True, cache=True)
def offer_to(members, products, sq_norms, first_row, pools):
    """Like ``offer``, to some of the pools: line i of the products belongs to pool members[i], int32 (M,)."""
    keys, rows, counts, limits, slacks, wanted = pools
    for i in range(products.shape[0]):
        b = members[i]
        counts[b], limits[b] = _offer_line(
            products[i], sq_norms, first_row, keys[b], rows[b], counts[b], limits[b], slacks[b], wanted
        )


@njit(nogil=True, cache=True)
def _offer_line(products, sq_norms, first_row, keys, rows, filled, limit, slack, wanted):
    """Offer a line of products to its query's pool. Returns the pool's new number of entries and limit."""
    for start in range(0, products.shape[0], LANES):
        mask = keys_below(products, sq_norms, start, limit)
        while mask != 0:
            c = start + lowest(mask)
            mask &= mask - np.uint64(1)
            key = sq_norms[c] - np.float32(2.0) * products[c]
            filled, limit = append(keys, rows, filled, limit, slack, wanted, key, first_row + c)
    return filled, limit


@njit(nogil=True, cache=True)
def offer_bfloat16(scores, first_row, pools):
    """Like ``offer``, from scores q·x − |x|²/2: bfloat16 (B, C) as int16 bits."""
    keys, rows, counts, limits, slacks, wanted = pools
    for b in range(scores.shape[0]):
        counts[b], limits[b] = _offer_bfloat16_line(
            scores[b], first_row, keys[b], rows[b], counts[b], limits[b], slacks[b], wanted
        )


@njit(nogil=True, cache=True)
def offer_bfloat16_to(members, scores, first_row, pools):
    """Like ``offer_to``, from the scores of ``offer_bfloat16``."""
    keys, rows, counts, limits, slacks, wanted = pools
    for i in range(scores.shape[0]):
        b = members[i]
        counts[b], limits[b] = _offer_bfloat16_line(
            scores[i], first_row, keys[b], rows[b], counts[b], limits[b], slacks[b], wanted
        )


@njit(nogil=True, cache=True)
def _offer_bfloat16_line(scores, first_row, keys, rows, filled, limit, slack, wanted):
    """Like ``_offer_line``."""
    columns = scores.shape[0]
    whole = columns - columns % LANES
    least = _ordered(np.float32(-0.5) * limit)
    for start in range(0, whole, LANES):
        mask = not_below(scores, start, least)
        if mask != 0:
            while mask != 0:
                c = start + lowest(mask)
                mask &= mask - np.uint64(1)
                key = np.float32(-2.0) * _widened(scores[c])
                filled, limit = append(keys, rows, filled, limit, slack, wanted, key, first_row + c)
            least = _ordered(np.float32(-0.5) * limit)
    for c in range(whole, columns):
        key = np.float32(-2.0) * _widened(scores[c])
        filled, limit = append(keys, rows, filled, limit, slack, wanted, key, first_row + c)
    return filled, limit


@njit(nogil=True, cache=True, inline="always")
def _ordered(number):
    """The greatest bfloat16 ≤ a float32, as an int16 that orders as the numbers do (its bits, turned if negative)."""
    bits = np.float32(number).view(np.int32)
    return np.int16((bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> 16)


@njit(nogil=True, cache=True, inline="always")
def _widened(bits):
    """A bfloat16, given as int16 bits, as float32."""
    return np.int32(np.int32(bits) << 16).view(np.float32)


@njit(nogil=True, cache=True, inline="always")
def append(keys, rows, filled, limit, slack, wanted, key, row):
    """Append an entry if its key is below the limit. Returns the new number of entries and limit."""
    if key < limit:
        keys[filled] = key
        rows[filled] = row
        filled += 1
        if filled == keys.shape[0]:
            filled, limit = _shrink(keys, rows, filled, limit, slack, wanted)
    return filled, limit


@njit(nogil=True, cache=True)
def finish(pools):
    """Cut every pool a last time, and fill the rest of its rows with −1."""
    keys, rows, counts, limits, slacks, wanted = pools
    for b in range(keys.shape[0]):
        if counts[b] > wanted:
            counts[b], limits[b] = _shrink(keys[b], rows[b], counts[b], limits[b], slacks[b], wanted)
        rows[b, counts[b] :] = -1


@njit(nogil=True, cache=True)
def _shrink(keys, rows, filled, limit, slack, wanted):
    """Cut more than ``wanted`` entries to those within the slack. Returns their number and the limit, which never
    rises."""
    within = cut(keys, rows, filled, wanted) + slack
    kept = wanted
    for i in range(wanted, filled):
        if keys[i] < within:
            _swap(keys, rows, i, kept)
            kept += 1
    limit = min(limit, within)
    most = (wanted + keys.shape[0]) // 2
    if kept > most:
        limit = min(limit, cut(keys, rows, kept, most))
        kept = most
    return kept, limit


@njit(nogil=True, cache=True)
def cut(keys, rows, filled, keep):
    """Move the ``keep`` least keys to the front (quickselect, median of three). Returns the greatest of those."""
    low, high = 0, filled
    while True:
        first, middle, last = keys[low], keys[(low + high) // 2], keys[high - 1]
        pivot = max(min(first, middle), min(max(first, middle), last))
        less = low
        for i in range(low, high):  # branch-free: a branch would be mispredicted half of the time
            nearer = keys[i] < pivot
            _swap(keys, rows, i, less)
            less += np.int64(nearer)
        if keep <= less:
            high = less
            continue
        # Gather the keys equal to the pivot: bfloat16 keys often are.
        most = less
        for i in range(less, high):
            as_near = keys[i] <= pivot
            _swap(keys, rows, i, most)
            most += np.int64(as_near)
        if keep <= most:
            return pivot
        low = most


@njit(nogil=True, cache=True, inline="always")
def _swap(keys, rows, a, b):
    keys[a], keys[b] = keys[b], keys[a]
    rows[a], rows[b] = rows[b], rows[a]
