"""Which gallery rows are answers to a query, and which are taken out of its ranking."""

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError
from ..row_classes import RowClasses, occurrences, ranges

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

    def matches(self, ids: NDArray[np.int64], columns: slice = slice(None)) -> Tensor:
        """bool (len(ids), columns): whether the queries `ids` share a class with these gallery rows."""
        if self._single:
            return self._codes[columns] == self._own[torch.from_numpy(ids), None]
        first, stop, _ = columns.indices(len(self._gallery))
        asked = self._queries.take(ids)
        places, offsets = ranges(self._starts, asked.members)
        query, row = np.repeat(asked.row_of(), np.diff(offsets)), self._rows[places]
        within = (row >= first) & (row < stop)
        found = torch.zeros((len(ids), stop - first), dtype=torch.bool)
        found[torch.from_numpy(query[within]), torch.from_numpy(row[within] - first)] = True
        return found

    def of(self, ids: NDArray[np.int64], columns: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """bool (len(ids), columns) each: the answers to the queries `ids` among these gallery rows, and the rows taken
        out of their rankings."""
        matches = self.matches(ids, columns)
        out = torch.zeros_like(matches)
        if self._query_groups is not None and self._gallery_groups is not None:
            own = torch.from_numpy(self._query_groups[ids])[:, None]
            out = matches & (own == torch.from_numpy(self._gallery_groups[columns])) & (own >= 0)
        if self._alone:
            out[self._itself(ids, columns)] = True
        return matches.masked_fill_(out, False), out

    def taken_out(self, ids: NDArray[np.int64], columns: slice) -> tuple[Tensor, Tensor]:
        """The rows taken out of rankings, like `of`, as int64 places (query, row) among the queries and these rows."""
        if self._query_groups is not None:
            query, row = torch.nonzero(self.of(ids, columns)[1], as_tuple=True)
            return query, row
        return self._itself(ids if self._alone else ids[:0], columns)

    def _itself(self, ids: NDArray[np.int64], columns: slice) -> tuple[Tensor, Tensor]:
        """int64 places (query, row) of the queries that are among these gallery rows."""
        first, stop, _ = columns.indices(len(self._gallery))
        query = np.flatnonzero((ids >= first) & (ids < stop))
        return torch.from_numpy(query), torch.from_numpy(ids[query] - first)

    def answers(self, ids: NDArray[np.int64], rows: Tensor) -> Tensor:
        """bool (len(ids), K): whether gallery rows, int64 (len(ids), K), share a class with their query.

        Rows that are taken out of a query's ranking may share one, too.
        """
        if self._single:
            return self._codes[rows] == self._own[torch.from_numpy(ids), None]
        asked = self._queries.take(ids)
        listed = self._gallery.take(rows.numpy().ravel())
        pair = listed.row_of()
        width = 1 + max(int(asked.members.max()), int(listed.members.max(initial=0)))
        shared = np.isin(
            pair // rows.shape[1] * width + listed.members, asked.row_of() * width + asked.members
        )
        found = np.zeros(rows.numel(), np.bool_)
        found[pair[shared]] = True
        return torch.from_numpy(found).view(rows.shape)

    def counts(self, ids: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """int64 (len(ids),): the number of answers of the queries `ids`; None: of all."""
        ids = np.arange(len(self._queries)) if ids is None else ids
        if self._single:
            return self._counts_of_single(ids)
        step = max(1, _BLOCK_CELLS // len(self._gallery))
        counts = [
            self.of(ids[start : start + step])[0].sum(dim=1).numpy() for start in range(0, len(ids), step)
        ]
        return np.concatenate(counts) if counts else np.zeros(0, np.int64)

    def _counts_of_single(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """`counts` of rows with one class each: rows of the class, without those of class and group."""
        own, codes = self._own.numpy()[ids], self._codes.numpy()
        found = occurrences(own, codes) - int(self._alone)
        if self._query_groups is None or self._gallery_groups is None:
            return found
        group = self._query_groups[ids]
        grouped = group >= 0
        width = 2 + int(max(group.max(initial=0), self._gallery_groups.max(initial=0)))
        of_group = occurrences(
            own[grouped] * width + group[grouped] + 1, codes * width + self._gallery_groups + 1
        )
        found[grouped] -= of_group - int(self._alone)  # the query is of its own group
        return found
