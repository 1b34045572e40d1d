"""Splits by hashes of names, so that data that grow move nothing that was there.

Each name (the key of a row, or a class) has two numbers in [0, 1) that follow from it and the seed alone: one below
`data.test` is held out for the test, of the others one below `data.validation` for validation. Shares are therefore
right in the mean: of n names a share p deviates by √(p(1−p)/n), which is 1.3 % of 1,000 classes for a fifth.

Where that leaves a split without the least that it needs, the next numbers in order are taken, and no others: these few
go back when the data grow so far that they are not needed any more.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .drawn import LEAST_CLASSES

_LEAST_ROWS = 2
"""Of one class in a split that shares its classes: a query and its match."""


def numbers_of(names: Sequence[str], seed: int, name: str) -> NDArray[np.uint64]:
    """A number for each name, uniform over all of 64 bits: that of the "test" or of the "validation" draw."""
    key = hashlib.sha256(f"{seed} {name}".encode()).digest()
    digests = b"".join(hashlib.blake2b(each.encode(), digest_size=8, key=key).digest() for each in names)
    return np.frombuffer(digests, dtype="<u8")


def _below(numbers: NDArray[np.uint64], share: float) -> NDArray[np.bool_]:
    return numbers < np.uint64(int(share * 2.0**64))


def hash_rows(
    classes: NDArray[np.int64], numbers: NDArray[np.uint64], share: float, *, name: str
) -> NDArray[np.bool_]:
    """Which of the rows are held out, bool (N,): each with the probability `share`.

    At least two classes, one of which with two rows, unless the training would be left without rows of them.

    classes: int64 (N,). numbers: of the rows' keys, uint64 (N,).
    Raises: DataError where no row is.
    """
    taken = _below(numbers, share)
    sizes, held = np.bincount(classes), np.bincount(classes[taken], minlength=classes.max(initial=0) + 1)
    order = np.argsort(numbers, kind="stable")
    if held.max(initial=0) < _LEAST_ROWS:
        # The class whose second row comes first, of those that then have one for training.
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
            f"data.{name} is {share} but none of {len(classes)} rows of {len(np.unique(classes))} classes is held out, "
            "for no class has one to spare: add rows to the classes"
        )
    return taken


def _occurrence(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the same class come before each entry."""
    order = np.argsort(classes, kind="stable")
    ordered = classes[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.arange(len(ordered)) - np.repeat(starts, np.diff(starts, append=len(ordered)))
    result = np.empty_like(order)
    result[order] = counts
    return result


def hash_classes(numbers: NDArray[np.uint64], share: float, *, name: str, leave: int) -> NDArray[np.bool_]:
    """Which of the classes are held out, bool (C,): each with the probability `share`, but at least two, and at most
    all but `leave`.

    numbers: of the classes' names, uint64 (C,).
    Raises: DataError where there are too few.
    """
    classes = len(numbers)
    if classes < LEAST_CLASSES + leave:
        raise DataError(
            f'data.split is "zero-shot" but {classes} classes do not suffice for {LEAST_CLASSES} for {name} and '
            f'{leave} others: use "closed"'
        )
    count = int(np.clip(_below(numbers, share).sum(), LEAST_CLASSES, classes - leave))
    taken = np.zeros(classes, dtype=bool)
    taken[np.argsort(numbers, kind="stable")[:count]] = True
    return taken
