"""The classes of rows: one per row, or a set per row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import ModelError


@dataclass(frozen=True, slots=True, eq=False)
class RowClasses:
    """The class codes of N rows, in compressed sparse row form. Rows are positives of each other if they share a class.

    members: int32 (nnz,), codes row by row, ascending within a row, without duplicates. offsets: int64 (N + 1,), where
    each row begins; None if every row has exactly one class, and `members` is the code of each row.
    """

    members: NDArray[np.int32]
    offsets: NDArray[np.int64] | None = None

    @staticmethod
    def of(classes: "NDArray[np.int32] | RowClasses") -> "RowClasses":
        """From one code per row, int32 (N,), or from `RowClasses`. Raises: ModelError for invalid codes or offsets."""
        given = classes if isinstance(classes, RowClasses) else RowClasses(classes)
        found = RowClasses(_checked(given.members), given.offsets)
        if found.offsets is not None and (found.offsets[-1] != len(found.members) or found.sizes.min() < 1):
            raise ModelError(
                f"classes has {len(found.members)} codes but offsets end at {found.offsets[-1]}, with "
                f"{int((found.sizes < 1).sum())} rows without a class: give each row at least one code"
            )
        return found

    @staticmethod
    def of_sets(rows: Sequence[Sequence[int]]) -> "RowClasses":
        """From a sequence of codes for each row; duplicates count once."""
        sets = [sorted(set(row)) for row in rows]
        members = np.array([code for row in sets for code in row], np.int32)
        offsets = np.zeros(len(sets) + 1, np.int64)
        np.cumsum([len(row) for row in sets], out=offsets[1:])
        return RowClasses(members, None if all(len(row) == 1 for row in sets) else offsets)

    def __len__(self) -> int:
        return len(self.members) if self.offsets is None else len(self.offsets) - 1

    @property
    def single(self) -> bool:
        """Whether every row has exactly one class."""
        return self.offsets is None

    @property
    def first(self) -> NDArray[np.int32]:
        """int32 (N,): the class of each row; with several classes, the lowest code."""
        return self.members if self.offsets is None else self.members[self.offsets[:-1]]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 (N,): the number of classes of each row."""
        return np.ones(len(self), np.int64) if self.offsets is None else np.diff(self.offsets)

    def row_of(self) -> NDArray[np.int64]:
        """int64 (nnz,): the row of each entry of `members`."""
        rows = np.arange(len(self), dtype=np.int64)
        return rows if self.offsets is None else np.repeat(rows, self.sizes)

    def alone(self, rows: NDArray[np.bool_], *, first_code: int) -> "RowClasses":
        """A copy in which each of `rows`, bool (N,), gets a class of its own: `first_code`, `first_code` + 1, …"""
        sizes = np.where(rows, 1, self.sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        members = np.empty(offsets[-1], np.int32)
        members[offsets[:-1][rows]] = np.arange(first_code, first_code + int(rows.sum()), dtype=np.int32)
        members[np.repeat(~rows, sizes)] = self.members[np.repeat(~rows, self.sizes)]
        return RowClasses(members, None if self.offsets is None else offsets)

    def take(self, rows: NDArray[np.int64]) -> "RowClasses":
        """The classes of `rows`, int64 (B,), in that order."""
        if self.offsets is None:
            return RowClasses(self.members[rows])
        places, offsets = ranges(self.offsets, rows)
        return RowClasses(self.members[places], offsets)

    def counts(self, weights: NDArray | None = None) -> NDArray:
        """(largest code + 1,): the number of rows of each class, or the sum of their weights.

        weights: (N,). A row counts in each of its classes.
        """
        return np.bincount(self.members, weights=None if weights is None else weights[self.row_of()])

    def rows_by_class(
        self, kept: NDArray[np.bool_] | None = None, *, classes: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows sorted by class, int64, and where each class starts, int64 (number of classes + 1,).

        A row is listed under each of its classes. kept: bool (N,), list only these rows. classes: the number of
        classes, if it is more than the largest code + 1.
        """
        rows, members = self.row_of(), self.members
        classes = max(classes, int(members.max()) + 1)
        if kept is not None:
            listed = kept[rows]
            rows, members = rows[listed], members[listed]
        counts = np.bincount(members, minlength=classes)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return rows[np.argsort(members, kind="stable")], starts

    def table(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """bool (N, M), which of the M classes that occur each row has; int64 (M,), the codes of these, ascending."""
        codes, column = np.unique(self.members, return_inverse=True)
        listed = np.zeros((len(self), len(codes)), np.bool_)
        listed[self.row_of(), column] = True
        return listed, codes.astype(np.int64)


def ranges(
    offsets: NDArray[np.int64], rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The positions offsets[r] … offsets[r + 1] − 1 of each r in `rows`, concatenated, and where each r begins."""
    sizes = offsets[rows + 1] - offsets[rows]
    begins = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=begins[1:])
    return np.arange(begins[-1]) - np.repeat(begins[:-1] - offsets[rows], sizes), begins


def occurrences(wanted: NDArray[np.integer], values: NDArray[np.integer]) -> NDArray[np.int64]:
    """int64 (len(wanted),): how often each is among the values."""
    known, counts = np.unique(values, return_counts=True)
    if not len(known):
        return np.zeros(len(wanted), np.int64)
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    return np.where(known[place] == wanted, counts[place], 0)


def _checked(classes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Class codes as int32 (N,), checked to be ≥ 0."""
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or len(classes) == 0:
        raise ModelError(
            f"classes are {classes.dtype} of shape {classes.shape} but must be integers (N,), N ≥ 1: give "
            "one code per row"
        )
    if classes.min() < 0:
        raise ModelError(
            f"classes has the code {classes.min()} but codes start at 0: leave rows without a class out"
        )
    return classes.astype(np.int32, copy=False)
