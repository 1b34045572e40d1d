"""The class-confusion table: which pairs of classes are so close that they still give triplets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from .errors import InputError


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
        if not len(part.class_a) == len(part.class_b) == len(part.count) == len(part.hinge):
            raise InputError(
                f"confusion table {number} has columns of different lengths: mine its anchors again"
            )
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_confusion()
    if len(filled) == 1:
        return filled[0]
    if len(filled) == 2:
        one, other = filled
        return Confusion(
            *merge_two(
                *(one.class_a, one.class_b, one.count, one.hinge),
                *(other.class_a, other.class_b, other.count, other.hinge),
            )
        )
    joined = Confusion(
        class_a=np.concatenate([part.class_a for part in filled]),
        class_b=np.concatenate([part.class_b for part in filled]),
        count=np.concatenate([part.count for part in filled]),
        hinge=np.concatenate([part.hinge for part in filled]),
    )
    # Parts with different classes in ascending order, like blocks of the miner, only need to be joined.
    if is_sorted(joined.class_a, joined.class_b):
        return joined
    return aggregate(joined.class_a, joined.class_b, joined.count, joined.hinge)


class ConfusionSum:
    """A running ``merge_confusions``, equal to it bit for bit.

    Each table is merged at once: memory grows with the distinct class pairs, not with the number of tables.
    """

    def __init__(self) -> None:
        self.total = empty_confusion()

    def add(self, part: Confusion) -> None:
        """Add the table of further anchors."""
        self.total = merge_confusions([self.total, part])


def aggregate(
    class_a: NDArray[np.int32],
    class_b: NDArray[np.int32],
    count: NDArray[np.int64],
    hinge: NDArray[np.float64],
) -> Confusion:
    """Sum the entries of equal class pairs, and sort the pairs. Hinges are added in the order given."""
    if not len(class_a):
        return empty_confusion()
    # int32 halves the memory traffic, if it can number all entries.
    order = np.arange(len(class_a), dtype=np.int32 if len(class_a) < 2**31 else np.int64)
    return Confusion(*aggregate_pairs(class_a, class_b, count, hinge, order))


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
def merge_two(a1, b1, count1, hinge1, a2, b2, count2, hinge2):
    """Merge two sorted tables, compiled, without memory beside them and the result."""
    pairs = a1.size + a2.size - _shared(a1, b1, a2, b2)
    out_a = np.empty(pairs, np.int32)
    out_b = np.empty(pairs, np.int32)
    out_count = np.empty(pairs, np.int64)
    out_hinge = np.empty(pairs, np.float64)
    i = j = 0
    for at in range(pairs):
        order = _order(a1, b1, i, a2, b2, j)
        if order > 0:
            out_a[at], out_b[at] = a2[j], b2[j]
            out_count[at], out_hinge[at] = count2[j], hinge2[j]
        else:
            out_a[at], out_b[at] = a1[i], b1[i]
            out_count[at], out_hinge[at] = count1[i], hinge1[i]
        if order == 0:
            out_count[at] += count2[j]
            out_hinge[at] += hinge2[j]
        i += order <= 0
        j += order >= 0
    return out_a, out_b, out_count, out_hinge


@numba.njit(cache=True, nogil=True)
def _shared(a1, b1, a2, b2):
    """The number of class pairs that two tables have in common."""
    shared = i = j = 0
    while i < a1.size and j < a2.size:
        order = _order(a1, b1, i, a2, b2, j)
        shared += order == 0
        i += order <= 0
        j += order >= 0
    return shared


@numba.njit(cache=True, nogil=True)
def _order(a1, b1, i, a2, b2, j):
    """−1, 0 or 1: pair i of table 1 comes before pair j of table 2, equals it, or comes after it.

    The end of a table comes after every pair.
    """
    if i == a1.size:
        return 1
    if j == a2.size:
        return -1
    if a1[i] != a2[j]:
        return -1 if a1[i] < a2[j] else 1
    if b1[i] != b2[j]:
        return -1 if b1[i] < b2[j] else 1
    return 0


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
