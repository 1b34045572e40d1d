"""The nearest candidates of each query of a block, kept while blocks of products stream by. Compiled."""

import numpy as np
from numba import njit

# A pool is two rows of ``room`` entries, keys (float32) and local rows (int32), of which ``counts`` are
# filled. Entries below the row's limit are appended; a full pool is cut to its ``keep`` least, whose
# greatest is the new limit. So an entry costs one write, and one share of a selection every (room - keep)
# entries.

LANES = 64
"""Columns compared at once: almost every group has nothing to offer."""


@njit(nogil=True, cache=True)
def offer(products, sq_norms, first_row, keys, rows, counts, limits, keep):
    """Offer block columns to the pools of all block rows.

    products: float32 (B, C), query · row. sq_norms: float32 (C,), of the columns' rows. first_row: row of
    column 0. The key is |x|² − 2 q·x, the squared distance less the constant |q|². Columns come in
    ascending order, and an entry must be strictly below the limit, so of equal keys the lower rows stay.
    """
    for b in range(products.shape[0]):
        counts[b], limits[b] = _offer_row(
            products[b], sq_norms, first_row, keys[b], rows[b], counts[b], limits[b], keep
        )


@njit(nogil=True, cache=True, inline="always")
def _offer_row(products, sq_norms, first_row, keys, rows, filled, limit, keep):
    """Offer the columns of one query to its pool. Returns how many entries it has then, and its limit."""
    columns = products.shape[0]
    room = keys.shape[0]
    for start in range(0, columns, LANES):
        stop = min(start + LANES, columns)
        if stop == start + LANES and none_below(products[start:stop], sq_norms[start:stop], limit):
            continue
        for c in range(start, stop):
            key = sq_norms[c] - np.float32(2.0) * products[c]
            if key < limit:
                keys[filled] = key
                rows[filled] = first_row + c
                filled += 1
                if filled == room:
                    limit = cut(keys, rows, filled, keep)
                    filled = keep
    return filled, limit


@njit(nogil=True, cache=True)
def offer_to(members, products, sq_norms, first_row, keys, rows, counts, limits, keep):
    """As ``offer``, to the pools of some block rows: row i of the products is of pool members[i], int32 (M,)."""
    for i in range(products.shape[0]):
        b = members[i]
        counts[b], limits[b] = _offer_row(
            products[i], sq_norms, first_row, keys[b], rows[b], counts[b], limits[b], keep
        )


@njit(nogil=True, cache=True, inline="always")
def none_below(products, sq_norms, limit):
    """Whether none of ``LANES`` keys is below the limit. Only loops of constant length become vector instructions."""
    below = np.int32(0)
    for lane in range(LANES):
        below += np.int32(sq_norms[lane] - np.float32(2.0) * products[lane] < limit)
    return below == 0


@njit(nogil=True, cache=True)
def finish(keys, rows, counts, limits, keep):
    """Cut every pool to ``keep``; mark the rest of its rows with −1."""
    for b in range(keys.shape[0]):
        if counts[b] > keep:
            limits[b] = cut(keys[b], rows[b], counts[b], keep)
            counts[b] = keep
        rows[b, counts[b] :] = -1


@njit(nogil=True, cache=True)
def cut(keys, rows, filled, keep):
    """Move the ``keep`` least keys to the front (quickselect, median of three). Returns the greatest of them."""
    low = 0
    high = filled - 1
    target = keep - 1
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < keys[low]:
            _swap(keys, rows, middle, low)
        if keys[high] < keys[low]:
            _swap(keys, rows, high, low)
        if keys[high] < keys[middle]:
            _swap(keys, rows, high, middle)
        pivot = keys[middle]
        left = low
        right = high
        while left <= right:
            while keys[left] < pivot:
                left += 1
            while pivot < keys[right]:
                right -= 1
            if left <= right:
                _swap(keys, rows, left, right)
                left += 1
                right -= 1
        if target <= right:
            high = right
        elif target >= left:
            low = left
        else:
            break
    greatest = keys[0]
    for i in range(1, keep):
        greatest = max(greatest, keys[i])
    return greatest


@njit(nogil=True, cache=True, inline="always")
def _swap(keys, rows, a, b):
    keys[a], keys[b] = keys[b], keys[a]
    rows[a], rows[b] = rows[b], rows[a]
