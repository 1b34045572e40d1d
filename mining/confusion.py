"""The class-confusion table: which classes lie so close that their rows still teach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from .errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """How often, and how badly, rows of one class have admissible negatives in another.

    One entry a class pair that occurs, sorted by (class_a, class_b); pairs are directed. Each (anchor,
    negative) pair that is admissible for at least one positive of the anchor counts once, before the cap of
    triplets per anchor, with the hinge d²(a,p) + m − d²(a,n) of the farthest positive for which it is
    admissible.

    Rows with several classes: the pair counts for each class that the anchor shares with that positive, with each class
    of the negative, and with its hinge for all of them.

    class_a: int32 (E,), class of the anchor.
    class_b: int32 (E,), class of the negative.
    count: int64 (E,), pairs of rows.
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
        """float64 (E,): hinge per pair of rows."""
        return self.hinge / self.count


def empty_confusion() -> Confusion:
    """A table without entries: what no anchor at all leaves."""
    return Confusion(
        class_a=np.empty(0, np.int32),
        class_b=np.empty(0, np.int32),
        count=np.empty(0, np.int64),
        hinge=np.empty(0, np.float64),
    )


def merge_confusions(parts: Sequence[Confusion]) -> Confusion:
    """The table of all anchors, from the tables of disjoint sets of anchors.

    Hinges are added in the order of the parts, so the same parts give the same bits.
    """
    for number, part in enumerate(parts):
        if not len(part.class_a) == len(part.class_b) == len(part.count) == len(part.hinge):
            raise InputError(
                f"confusion table {number} has columns of different lengths: mine its anchors again"
            )
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_confusion()
    if len(filled) == 1:
        return filled[0]
    joined = Confusion(
        class_a=np.concatenate([part.class_a for part in filled]),
        class_b=np.concatenate([part.class_b for part in filled]),
        count=np.concatenate([part.count for part in filled]),
        hinge=np.concatenate([part.hinge for part in filled]),
    )
    # Parts that hold different classes in order, as blocks of the miner do, need no more than this.
    if is_sorted(joined.class_a, joined.class_b):
        return joined
    return aggregate(joined.class_a, joined.class_b, joined.count, joined.hinge)


class ConfusionSum:
    """``merge_confusions``, bit for bit, of tables that come one after the other.

    They are merged whenever the new ones hold as many entries as what was merged before: memory follows the class pairs
    that differ, not the tables.
    """

    def __init__(self) -> None:
        self._parts = [empty_confusion()]

    def add(self, part: Confusion) -> None:
        """Add the table of further anchors."""
        self._parts.append(part)
        if sum(map(len, self._parts[1:])) >= len(self._parts[0]):
            self._parts = [merge_confusions(self._parts)]

    def total(self) -> Confusion:
        """The table of all anchors so far."""
        self._parts = [merge_confusions(self._parts)]
        return self._parts[0]

    @property
    def held(self) -> int:
        """Entries in memory."""
        return sum(map(len, self._parts))


def aggregate(
    class_a: NDArray[np.int32],
    class_b: NDArray[np.int32],
    count: NDArray[np.int64],
    hinge: NDArray[np.float64],
) -> Confusion:
    """Add up the entries of equal class pairs; any order in, sorted out. Hinges are added in the order given."""
    if not len(class_a):
        return empty_confusion()
    # Half the memory traffic, unless there are more entries than int32 can number.
    order = np.arange(len(class_a), dtype=np.int32 if len(class_a) < 2**31 else np.int64)
    return Confusion(*aggregate_pairs(class_a, class_b, count, hinge, order))


@numba.njit(cache=True, nogil=True)
def aggregate_pairs(class_a, class_b, count, hinge, order):
    """``aggregate``, compiled: two stable counting sorts, then equal pairs are neighbours.

    order: 0 … E − 1. Memory is entries + classes, never classes squared.
    """
    entries = class_a.size
    order = sorted_by(class_a, sorted_by(class_b, order))
    out_a = np.empty(entries, np.int32)
    out_b = np.empty(entries, np.int32)
    out_count = np.empty(entries, np.int64)
    out_hinge = np.empty(entries, np.float64)
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
    # Copies, so that a small table does not keep the buffers of all its entries alive.
    filled = last + 1
    return out_a[:filled].copy(), out_b[:filled].copy(), out_count[:filled].copy(), out_hinge[:filled].copy()


@numba.njit(cache=True, nogil=True)
def sorted_by(codes, order):
    """``order``, integers (E,), stably sorted by ``codes[order]``, by counting."""
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
    """Whether the pairs ascend, none twice."""
    for i in range(1, class_a.size):
        if class_a[i] < class_a[i - 1] or (class_a[i] == class_a[i - 1] and class_b[i] <= class_b[i - 1]):
            return False
    return True
