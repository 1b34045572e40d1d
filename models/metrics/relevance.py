"""Which gallery rows answer a query, and which are taken out of its ranking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError

_BLOCK_CELLS = 2**26
"""Cells (query, gallery row) that are counted at once where counting needs them."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassSets:
    """The classes of N rows that may have several, as a compressed row list (CSR).

    members: int32 (nnz,), class codes row by row, each once in a row. offsets: int64 (N + 1,), where each row begins.
    """

    members: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> "ClassSets":
        """From one sequence of codes for each row; a code given twice counts once."""
        sets = [sorted(set(row)) for row in rows]
        offsets = np.zeros(len(sets) + 1, np.int64)
        np.cumsum([len(row) for row in sets], out=offsets[1:])
        return ClassSets(np.array([code for row in sets for code in row], np.int32), offsets)

    def take(self, rows: NDArray[np.int64]) -> "ClassSets":
        """The sets of some rows, in that order."""
        places, offsets = _ranges(self.offsets, rows)
        return ClassSets(self.members[places], offsets)


Classes: TypeAlias = NDArray[np.int32] | ClassSets
"""One class code a row, int32 (N,), or a set of them. Two rows match when their classes meet."""


def take_classes(classes: Classes, rows: NDArray[np.int64]) -> Classes:
    """The classes of some rows, in that order."""
    return classes.take(rows) if isinstance(classes, ClassSets) else classes[rows]


def class_pairs(classes: Classes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and class code of every (row, class), ascending by row: int64 (P,), int64 (P,)."""
    if isinstance(classes, ClassSets):
        rows = np.repeat(np.arange(len(classes)), np.diff(classes.offsets))
        return rows, classes.members.astype(np.int64)
    return np.arange(len(classes)), np.asarray(classes, np.int64)


def checked_groups(groups: NDArray[np.int32] | None, rows: int, subject: str) -> NDArray[np.int64] | None:
    """Group codes of `rows` rows, int64, −1 for none. Raises: ModelError for another number of them."""
    if groups is None:
        return None
    if groups.shape != (rows,):
        raise ModelError(f"{subject} has {rows} rows but groups of shape {groups.shape}: one code a row")
    return np.asarray(groups, np.int64)


class Relevance:
    """Answers of Q queries in a gallery of G rows.

    A gallery row answers a query when their classes meet. Taken out of a query's ranking, so that it is neither an
    answer nor an error: the query itself where the queries are the gallery (`alone`), and a row that matches and has
    the query's group, as in re-identification: the same person by the same camera. A group of −1 equals no other.
    """

    def __init__(
        self,
        query_classes: Classes,
        gallery_classes: Classes,
        *,
        alone: bool = False,
        query_groups: NDArray[np.int32] | None = None,
        gallery_groups: NDArray[np.int32] | None = None,
    ) -> None:
        """Raises: ModelError for groups of one side only, or not one a row."""
        gallery_groups = query_groups if alone else gallery_groups
        if (query_groups is None) != (gallery_groups is None):
            raise ModelError("groups are given for only one of query and gallery: give both or none")
        self._queries, self._gallery, self._alone = query_classes, gallery_classes, alone
        self._query_groups = checked_groups(query_groups, len(query_classes), "query")
        self._gallery_groups = checked_groups(gallery_groups, len(gallery_classes), "gallery")
        self._single = not isinstance(query_classes, ClassSets) and not isinstance(gallery_classes, ClassSets)
        if self._single:
            self._own = torch.from_numpy(np.array(query_classes, np.int64))
            self._codes = torch.from_numpy(np.array(gallery_classes, np.int64))
        else:
            self._rows, self._starts = _rows_by_class(
                gallery_classes, _classes_in(query_classes, gallery_classes)
            )

    def matches(self, ids: NDArray[np.int64]) -> Tensor:
        """Whether the classes of the queries `ids` and of each gallery row meet: bool (len(ids), G)."""
        if self._single:
            return self._codes == self._own[torch.from_numpy(ids), None]
        query, code = class_pairs(take_classes(self._queries, ids))
        places, offsets = _ranges(self._starts, code)
        found = torch.zeros((len(ids), len(self._gallery)), dtype=torch.bool)
        found[torch.from_numpy(np.repeat(query, np.diff(offsets))), torch.from_numpy(self._rows[places])] = (
            True
        )
        return found

    def of(self, ids: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Answers of the queries `ids`, and what is taken out of their rankings: bool (len(ids), G) each."""
        matches = self.matches(ids)
        out = torch.zeros_like(matches)
        if self._query_groups is not None and self._gallery_groups is not None:
            own = torch.from_numpy(self._query_groups[ids])[:, None]
            out = matches & (own == torch.from_numpy(self._gallery_groups)) & (own >= 0)
        if self._alone:
            out[torch.arange(len(ids)), torch.from_numpy(ids)] = True
        return matches & ~out, out

    def counts(self) -> NDArray[np.int64]:
        """How many answers each query has: int64 (Q,)."""
        if self._single and self._query_groups is None:
            return _counts_in(self._own.numpy(), self._codes.numpy()) - int(self._alone)
        counts = [self.of(ids)[0].sum(dim=1).numpy() for ids in self._blocks()]
        return np.concatenate(counts) if counts else np.zeros(0, np.int64)

    def _blocks(self) -> Iterator[NDArray[np.int64]]:
        step = max(1, _BLOCK_CELLS // len(self._gallery))
        for start in range(0, len(self._queries), step):
            yield np.arange(start, min(start + step, len(self._queries)))


def _counts_in(classes: NDArray[np.int64], gallery_classes: NDArray[np.int64]) -> NDArray[np.int64]:
    size = int(max(classes.max(), gallery_classes.max())) + 1
    return np.bincount(gallery_classes, minlength=size)[classes]


def _classes_in(*each: Classes) -> int:
    return max(int(class_pairs(classes)[1].max(initial=-1)) for classes in each) + 1


def _rows_by_class(classes: Classes, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in order of class, and where each class begins among them."""
    rows, codes = class_pairs(classes)
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(codes, minlength=count), out=starts[1:])
    return rows[np.argsort(codes, kind="stable")], starts


def _ranges(
    offsets: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places offsets[r] … offsets[r + 1] of each of `rows`, one after the other, and where each begins."""
    sizes = offsets[rows + 1] - offsets[rows]
    begins = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=begins[1:])
    return np.arange(begins[-1]) - np.repeat(begins[:-1] - offsets[rows], sizes), begins
