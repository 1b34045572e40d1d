"""The classes of the training rows: one a row, or a set of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from .batch import Batch
from .inputs import check_classes


@dataclass(frozen=True, slots=True, eq=False)
class RowClasses:
    """The class codes of N rows as a compressed row list; rows are positives of each other where their sets meet.

    members: int32 (nnz,), codes row by row, ascending within a row. offsets: int64 (N + 1,), where each row begins;
    None where every row has exactly one class, whose code is then in `members`.
    """

    members: NDArray[np.int32]
    offsets: NDArray[np.int64] | None = None

    @staticmethod
    def of(classes: "NDArray[np.int32] | RowClasses") -> "RowClasses":
        """From one code a row, int32 (N,), or as they are. Raises: ModelError for codes that are none."""
        given = classes if isinstance(classes, RowClasses) else RowClasses(classes)
        found = RowClasses(check_classes(given.members), given.offsets)
        if found.offsets is not None and (found.offsets[-1] != len(found.members) or found.sizes.min() < 1):
            raise ModelError(
                f"classes has {len(found.members)} codes but offsets end at {found.offsets[-1]}, with "
                f"{int((found.sizes < 1).sum())} rows without a class: give each row at least one code"
            )
        return found

    def __len__(self) -> int:
        return len(self.members) if self.offsets is None else len(self.offsets) - 1

    @property
    def single(self) -> bool:
        """Whether every row has exactly one class."""
        return self.offsets is None

    @property
    def first(self) -> NDArray[np.int32]:
        """int32 (N,): the class of each row; of several the lowest."""
        return self.members if self.offsets is None else self.members[self.offsets[:-1]]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """int64 (N,): how many classes each row has."""
        return np.ones(len(self), np.int64) if self.offsets is None else np.diff(self.offsets)

    def counts(self, weights: NDArray | None = None) -> NDArray:
        """Rows of each class, (largest code + 1,), or the sums of their weights (N,).

        A row counts in each of its classes.
        """
        return np.bincount(self.members, weights=None if weights is None else weights[self._row_of()])

    def rows_by_class(
        self, kept: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows sorted by class, int64, and where each class starts, int64 (largest code + 2,).

        A row is listed under each of its classes. kept: bool (N,), the rows that are listed at all.
        """
        rows, members = self._row_of(), self.members
        length = int(members.max()) + 1
        if kept is not None:
            listed = kept[rows]
            rows, members = rows[listed], members[listed]
        counts = np.bincount(members, minlength=length)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return rows[np.argsort(members, kind="stable")], starts

    def batch(self, rows: NDArray[np.int64], triplets: NDArray[np.int64] | None = None) -> Batch:
        """The batch of these rows, int64 (B,), with their classes."""
        return Batch(rows, self.first[rows], triplets, self._members_of(rows))

    def _members_of(self, rows: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        if self.offsets is None:
            return None
        starts, sizes = self.offsets[rows], self.sizes[rows]
        place = np.repeat(np.arange(len(rows)), sizes)
        within = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        codes, column = np.unique(self.members[starts[place] + within], return_inverse=True)
        members = np.zeros((len(rows), len(codes)), np.bool_)
        members[place, column] = True
        return members

    def _row_of(self) -> NDArray[np.int64]:
        """int64 (nnz,): the row of each entry of `members`."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.sizes)
