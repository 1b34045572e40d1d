"""Splits by hashes of names, so that adding data does not move existing rows.

Each name (the key of a row, or a class) has two numbers in [0, 1), which depend only on the name and the seed. If the
first is below `data.test`, it is held out for the test; otherwise, if the second is below `data.validation`, for
validation. Shares are therefore right on average: among n names a share p has the standard deviation √(p(1−p)/n), which
is 0.013 for a fifth of 1,000 classes.

If a split would have less than it needs, the names with the next smallest numbers are added. These few return to
training when enough data are added; before that, in a very small set, new data may put other rows of training in their
place.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .drawn import LEAST_CLASSES

_LEAST_ROWS = 2
"""Smallest number of rows of some class in a held-out split: a query and its match."""


def numbers_of(names: Sequence[str], seed: int, name: str) -> NDArray[np.uint64]:
    """A number for each name, uint64, uniform over all 64 bits. name: "test" or "validation"."""
    key = hashlib.sha256(f"{seed} {name}".encode()).digest()
    digests = b"".join(hashlib.blake2b(each.encode(), digest_size=8, key=key).digest() for each in names)
    return np.frombuffer(digests, dtype="<u8")


def _below(numbers: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    return numbers < np.uint64(int(share * 2.0**64))


def hash_rows(
    classes: NDArray[np.int64], numbers: NDArray[np.uint64], share: float, *, name: str
) -> NDArray[np.bool_]:
    """Mask of the held-out rows, bool (N,), each with probability `share`.

    They are of at least two classes, one of them with two rows, unless that would leave no training rows of a class.

    classes: class codes, int64 (N,). numbers: of the rows' keys, uint64 (N,).
    Raises: DataError if no row is held out.
    """
    taken = _below(numbers, share)
    sizes, held = np.bincount(classes), np.bincount(classes[taken], minlength=classes.max(initial=0) + 1)
    order = np.argsort(numbers, kind="stable")
    if held.max(initial=0) < _LEAST_ROWS:
        # Among classes that keep a training row, take the one whose second row comes first.
        free = order[sizes[classes[order]] > _LEAST_ROWS]
        seconds = free[_occurrence(classes[free]) == 1]
        if len(seconds):
            of_class = free[classes[free] == classes[seconds[0]]]
            taken[of_class[:_LEAST_ROWS]] = True
    if len(np.unique(classes[taken])) < LEAST_CLASSES:
        present = np.unique(classes[taken])
        free = order[(sizes[classes[order]] > 1) & ~np.isin(classes[order], present)]
        firsts = free[_occurrence(classes[free]) == 0]
        taken[firsts[: LEAST_CLASSES - len(present)]] = True
    if not taken.any():
        raise DataError(
            f"data.{name} is {share} but none of {len(classes)} rows of {len(np.unique(classes))} classes can be held "
            "out, since no class has more than one row: add rows to the classes"
        )
    return taken


def _occurrence(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of earlier entries of the same class, for each entry."""
    order = np.argsort(classes, kind="stable")
    ordered = classes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.arange(len(ordered)) - np.repeat(starts, np.diff(starts, append=len(ordered)))
    result = np.empty_like(order)
    result[order] = counts
    return result


def hash_classes(numbers: NDArray[np.uint64], share: float, *, name: str, leave: int) -> NDArray[np.bool_]:
    """Mask of the held-out classes, bool (C,), each with probability `share`; at least two, at most all but `leave`.

    numbers: of the classes' names, uint64 (C,).
    Raises: DataError if there are too few classes.
    """
    classes = len(numbers)
    if classes < LEAST_CLASSES + leave:
        raise DataError(
            f'data.split is "zero-shot" but {classes} classes are too few for {LEAST_CLASSES} in {name} and '
            f'{leave} others: use "closed"'
        )
    count = int(np.clip(_below(numbers, share).sum(), LEAST_CLASSES, classes - leave))
    taken = np.zeros(classes, dtype=bool)
    taken[np.argsort(numbers, kind="stable")[:count]] = True
    return taken
