"""Which gallery rows are answers to a query, and which are taken out of its ranking."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError
from ..row_classes import RowClasses, ranges

_BLOCK_CELLS = 2**26
"""Cells (query, gallery row) held at once while answers are counted."""


Classes: TypeAlias = NDArray[np.int32] | RowClasses
"""A class code per row, int32 (N,), or a set of codes per row. Two rows match if they share a class."""


def checked_groups(groups: NDArray[np.int32] | None, rows: int, subject: str) -> NDArray[np.int64] | None:
    """Group codes of `rows` rows, int64, −1 for none. Raises: ModelError when their number is another."""
    if groups is None:
        return None
    if groups.shape != (rows,):
        raise ModelError(
            f"{subject} has {rows} rows but groups of shape {groups.shape}: give one code per row"
        )
    return np.asarray(groups, np.int64)


class Relevance:
    """The answers to Q queries in a gallery of G rows.

    A gallery row is an answer to a query if they share a class. Two kinds of rows are taken out of a query's ranking,
    and count neither as answers nor as errors: the query itself, if the queries are the gallery (`alone`), and answers
    of the query's group, as in re-identification (the same person by the same camera). A group of −1 equals no other.
    """

    def __init__(
        self,
        query_classes: RowClasses,
        gallery_classes: RowClasses,
        *,
        alone: bool = False,
        query_groups: NDArray[np.int32] | None = None,
        gallery_groups: NDArray[np.int32] | None = None,
    ) -> None:
        """Raises: ModelError for groups of only one side, or not one per row."""
        gallery_groups = query_groups if alone else gallery_groups
        if (query_groups is None) != (gallery_groups is None):
            raise ModelError("groups are given for only one of query and gallery: give both or none")
        self._queries, self._gallery, self._alone = query_classes, gallery_classes, alone
        self._query_groups = checked_groups(query_groups, len(query_classes), "query")
        self._gallery_groups = checked_groups(gallery_groups, len(gallery_classes), "gallery")
        self._single = query_classes.single and gallery_classes.single
        if self._single:
            self._own = torch.from_numpy(query_classes.members.astype(np.int64))
            self._codes = torch.from_numpy(gallery_classes.members.astype(np.int64))
        else:
            self._rows, self._starts = gallery_classes.rows_by_class(
                classes=int(query_classes.members.max()) + 1
            )

    def matches(self, ids: NDArray[np.int64]) -> Tensor:
        """bool (len(ids), G): whether the queries `ids` share a class with each gallery row."""
        if self._single:
            return self._codes == self._own[torch.from_numpy(ids), None]
        asked = self._queries.take(ids)
        places, offsets = ranges(self._starts, asked.members)
        found = torch.zeros((len(ids), len(self._gallery)), dtype=torch.bool)
        found[
            torch.from_numpy(np.repeat(asked.row_of(), np.diff(offsets))),
            torch.from_numpy(self._rows[places]),
        ] = True
        return found

    def of(self, ids: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """bool (len(ids), G) each: the answers to the queries `ids`, and the rows taken out of their rankings."""
        matches = self.matches(ids)
        out = torch.zeros_like(matches)
        if self._query_groups is not None and self._gallery_groups is not None:
            own = torch.from_numpy(self._query_groups[ids])[:, None]
            out = matches & (own == torch.from_numpy(self._gallery_groups)) & (own >= 0)
        if self._alone:
            out[torch.arange(len(ids)), torch.from_numpy(ids)] = True
        return matches.masked_fill_(out, False), out

    def counts(self) -> NDArray[np.int64]:
        """int64 (Q,): the number of answers of each query."""
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
