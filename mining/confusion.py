"""The class-confusion table: which pairs of classes are so close that they still give triplets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from .errors import InputError

_SHARE_MERGED = 4
"""A running sum merges parts into its total once they have one entry for this many of the total's."""

_LEAST_MERGED = 1 << 20
"""Number of entries, some 24 MiB, below which parts wait in any case."""


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """How often, and with which hinge, anchors of one class have admissible negatives in another.

    One entry per ordered pair of classes that occurs, sorted by (class_a, class_b). Each (anchor, negative) pair that
    is admissible for at least one positive of the anchor counts once, before the cap on triplets per anchor, with the
    hinge d²(a,p) + m − d²(a,n) of the farthest positive for which it is admissible.

    With several classes per row, the pair counts, with its full hinge, for every combination of a class that anchor
    and positive share and a class of the negative.

    class_a: int32 (E,), class of the anchor.
    class_b: int32 (E,), class of the negative.
    count: int64 (E,), number of (anchor, negative) pairs.
    hinge: float64 (E,), sum of their hinges.
    """

    class_a: NDArray[np.int32]
    class_b: NDArray[np.int32]
    count: NDArray[np.int64]
    hinge: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.class_a)

    @property
    def mean_hinge(self) -> NDArray[np.float64]:
        """float64 (E,): mean hinge of the pairs of rows."""
        return self.hinge / self.count


def empty_confusion() -> Confusion:
    """A table without entries."""
    return Confusion(
        class_a=np.empty(0, np.int32),
        class_b=np.empty(0, np.int32),
        count=np.empty(0, np.int64),
        hinge=np.empty(0, np.float64),
    )


def merge_confusions(parts: Sequence[Confusion]) -> Confusion:
    """The table of all anchors, from tables of disjoint sets of anchors.

    Hinges are added in the order of the parts, so that the same parts give the same bits.
    """
    for number, part in enumerate(parts):
        _check_columns(part, number)
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_confusion()
    if len(filled) == 1:
        return filled[0]
    joined = _joined(filled)
    # Parts with different classes in ascending order, like blocks of the miner, only need to be joined.
    if is_sorted(joined.class_a, joined.class_b):
        return joined
    return aggregate(joined.class_a, joined.class_b, joined.count, joined.hinge)


def _joined(parts: Sequence[Confusion]) -> Confusion:
    return Confusion(
        class_a=np.concatenate([part.class_a for part in parts]),
        class_b=np.concatenate([part.class_b for part in parts]),
        count=np.concatenate([part.count for part in parts]),
        hinge=np.concatenate([part.hinge for part in parts]),
    )


def _check_columns(part: Confusion, number: int) -> None:
    if not len(part.class_a) == len(part.class_b) == len(part.count) == len(part.hinge):
        raise InputError(f"confusion table {number} has columns of different lengths: mine its anchors again")


class ConfusionSum:
    """A running ``merge_confusions``, equal to it bit for bit.

    Parts wait until together they have a quarter of the total's entries, and are then merged into it. So an entry that
    comes in costs, on average, at most four looks at entries of the total, however many parts there are; and beside
    the total, memory holds a quarter of it, not a second one.
    """

    def __init__(self) -> None:
        self._total = empty_confusion()
        self._waiting: list[Confusion] = []
        self._entries = 0  # of the parts that wait
        self._parts = 0
        self._ours = False  # whether nobody else holds the total's columns, so that they may be changed

    def add(self, part: Confusion) -> None:
        """Add the table of further anchors, which must be sorted by its pairs. Raises: InputError."""
        _check_columns(part, self._parts)
        self._parts += 1
        if len(part):
            self._waiting.append(part)
            self._entries += len(part)
        if self._entries >= _LEAST_MERGED and self._entries * _SHARE_MERGED >= len(self._total):
            self._merge()

    @property
    def total(self) -> Confusion:
        """The sum of all tables so far."""
        self._merge()
        self._ours = False
        return self._total

    def _merge(self) -> None:
        if not self._waiting:
            return
        self._entries = 0
        if not len(self._total) and len(self._waiting) == 1:
            self._total, self._ours = self._waiting.pop(), False
            return
        # Not added among themselves first: (t + p) + q and t + (p + q) differ in their last bits.
        parts = _joined(self._waiting)
        self._waiting.clear()
        order = _ordered(parts)
        total = self._total if self._ours else _joined([self._total])
        filled = len(total)
        size = filled + new_pairs(total.class_a, total.class_b, parts.class_a, parts.class_b, order)
        for column in (total.class_a, total.class_b, total.count, total.hinge):
            column.resize(size, refcheck=False)
        merge_into(
            *(total.class_a, total.class_b, total.count, total.hinge, filled),
            *(parts.class_a, parts.class_b, parts.count, parts.hinge, order),
        )
        self._total, self._ours = total, True


def aggregate(
    class_a: NDArray[np.int32],
    class_b: NDArray[np.int32],
    count: NDArray[np.int64],
    hinge: NDArray[np.float64],
) -> Confusion:
    """Sum the entries of equal class pairs, and sort the pairs. Hinges are added in the order given."""
    if not len(class_a):
        return empty_confusion()
    return Confusion(*aggregate_pairs(class_a, class_b, count, hinge, _numbered(class_a)))


def _numbered(column: NDArray[np.int32]) -> NDArray[np.signedinteger]:
    """0 … E − 1; in int32, which halves the memory traffic, if it can number all entries."""
    return np.arange(len(column), dtype=np.int32 if len(column) < 2**31 else np.int64)


def _ordered(table: Confusion) -> NDArray[np.signedinteger]:
    """Places of the entries, sorted by their pairs, entries of equal pairs in the order of the table."""
    order = _numbered(table.class_a)
    if is_sorted(table.class_a, table.class_b):
        return order
    return sorted_by(table.class_a, sorted_by(table.class_b, order))


@numba.njit(cache=True, nogil=True)
def aggregate_pairs(class_a, class_b, count, hinge, order):
    """``aggregate``, compiled: two stable counting sorts put equal pairs next to each other.

    order: 0 … E − 1. Memory grows with entries + classes, not with classes squared.
    """
    order = sorted_by(class_a, sorted_by(class_b, order))
    pairs = 0
    last = -1
    for i in order:
        if last < 0 or class_a[i] != class_a[last] or class_b[i] != class_b[last]:
            pairs += 1
        last = i
    # Allocated for the distinct pairs, of which there may be far fewer than entries.
    out_a = np.empty(pairs, np.int32)
    out_b = np.empty(pairs, np.int32)
    out_count = np.empty(pairs, np.int64)
    out_hinge = np.empty(pairs, np.float64)
    last = -1
    for i in order:
        if last < 0 or class_a[i] != out_a[last] or class_b[i] != out_b[last]:
            last += 1
            out_a[last] = class_a[i]
            out_b[last] = class_b[i]
            out_count[last] = count[i]
            out_hinge[last] = hinge[i]
        else:
            out_count[last] += count[i]
            out_hinge[last] += hinge[i]
    return out_a, out_b, out_count, out_hinge


@numba.njit(cache=True, nogil=True)
def new_pairs(a, b, more_a, more_b, order):
    """The number of distinct class pairs of a second table, sorted by ``order``, that a sorted one lacks."""
    new = i = 0
    last = -1
    for j in order:
        if last >= 0 and more_a[j] == more_a[last] and more_b[j] == more_b[last]:
            continue
        last = j
        while i < a.size and (a[i] < more_a[j] or (a[i] == more_a[j] and b[i] < more_b[j])):
            i += 1
        new += i == a.size or a[i] != more_a[j] or b[i] != more_b[j]
    return new


@numba.njit(cache=True, nogil=True)
def merge_into(a, b, count, hinge, size, more_a, more_b, more_count, more_hinge, order):
    """Merge a second table, sorted by ``order``, into the first ``size`` entries of a sorted one.

    The columns of the first have room for exactly the ``new_pairs`` behind them. Entries move there from the last to
    the first, each to its own place or behind, so that none is overwritten before it has moved. Entries of one pair
    are added in order, behind that of the first table.
    """
    at, i, stop = a.size, size, order.size
    while stop:
        j = order[stop - 1]
        start = stop - 1
        while start and more_a[order[start - 1]] == more_a[j] and more_b[order[start - 1]] == more_b[j]:
            start -= 1
        while i and (a[i - 1] > more_a[j] or (a[i - 1] == more_a[j] and b[i - 1] > more_b[j])):
            at -= 1
            i -= 1
            a[at], b[at], count[at], hinge[at] = a[i], b[i], count[i], hinge[i]
        at -= 1
        if i and a[i - 1] == more_a[j] and b[i - 1] == more_b[j]:
            i -= 1
            pairs, summed = count[i], hinge[i]
            first = start
        else:
            pairs, summed = more_count[order[start]], more_hinge[order[start]]
            first = start + 1
        for place in order[first:stop]:
            pairs += more_count[place]
            summed += more_hinge[place]
        a[at], b[at], count[at], hinge[at] = more_a[j], more_b[j], pairs, summed
        stop = start


@numba.njit(cache=True, nogil=True)
def sorted_by(codes, order):
    """``order``, integers (E,), stably sorted by ``codes[order]``; a counting sort."""
    places = np.zeros(np.int64(codes.max()) + 2, np.int64)
    for i in range(codes.size):
        places[codes[i] + 1] += 1
    for c in range(1, places.size):
        places[c] += places[c - 1]
    out = np.empty_like(order)
    for i in order:
        out[places[codes[i]]] = i
        places[codes[i]] += 1
    return out


@numba.njit(cache=True, nogil=True)
def is_sorted(class_a, class_b):
    """Whether the pairs are strictly ascending."""
    for i in range(1, class_a.size):
        if class_a[i] < class_a[i - 1] or (class_a[i] == class_a[i - 1] and class_b[i] <= class_b[i - 1]):
            return False
    return True
