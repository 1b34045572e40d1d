"""Read queries, a corpus, and the file of relevant pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.errors import InputError
from ....mining.guarding.groups import group_codes
from ....mining.neighbours import NO_ROW
from ....mining.pairs.relevance import Relevance, relevance_of
from ...data.arrays import Arrays
from ...data.base import same_names, strings
from ...data.columns import as_numbers, as_strings, column_names, is_table, read_columns
from ...data.files import locate
from ...data.rows import check_keys
from ...data.tables.form import AS_USUAL, TableForm
from ...errors import DataError
from ..source_rows import read_vectors

QUERY, DOCUMENT, GRADE = ("query", "query-id"), ("document", "corpus-id"), ("grade", "score")
"""Columns of pairs: our names, and those of the BEIR collections. The first two hold keys."""
QUERY_ROW, DOCUMENT_ROW = "query_row", "document_row"
"""Columns of pairs that hold row numbers, from 0."""


@dataclass(frozen=True, slots=True)
class Side:
    """Queries, or documents. vectors: float32 (N, D) of unit length. keys: those of all rows; None if the file has
    none, and rows are named by their numbers from "0"."""

    vectors: NDArray[np.float32]
    keys: pa.Array | None

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def names(self) -> pa.Array:
        """The keys, or the rows as strings."""
        return row_names(len(self)) if self.keys is None else self.keys


def row_names(rows: int) -> pa.Array:
    """The names of the rows of a file without keys: their numbers."""
    return strings([str(row) for row in range(rows)])


def read_side(
    location: str, *, normalised: bool, form: TableForm = AS_USUAL, keep: Path | None = None
) -> Side:
    """Read the vectors of a file, and the column key of a table. keep: see `read_vectors`.

    Raises: DataError and InputError, as `read_vectors`; DataError for keys that are not unique.
    """
    located = locate(location, Path())
    vectors = read_vectors(Arrays(located, form=form), normalised=normalised, keep=keep)
    if not _has(located, "key", form):
        return Side(vectors, None)
    keys = as_strings(
        read_columns(located, ("key",), form)["key"].combine_chunks(), subject=f'{location}, column "key"'
    )
    check_keys(keys, subject=location)
    return Side(vectors, keys)


def _has(located: str, name: str, form: TableForm) -> bool:
    """Whether a file is a table that has this column, or should have it because the user renamed it."""
    return is_table(located) and (form.called(name) is not None or name in column_names(located, form))


def read_groups(
    queries: str, corpus: str, form: TableForm = AS_USUAL
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns group of both files as codes, int64 (Q,) and (C,), −1 for rows without a group.

    Raises: DataError for a file without this column.
    """
    columns = []
    for location in (queries, corpus):
        located = locate(location, Path())
        if not _has(located, "group", form):
            raise DataError(
                f"{location} has no column group, which --same-group asks for: add it, or leave --same-group out"
            )
        columns.append(read_columns(located, ("group",), form)["group"].to_pylist())
    try:
        of_queries, of_documents = group_codes(*columns)
    except InputError as error:
        raise DataError(f"{queries} and {corpus}, column group: {error}") from None
    return of_queries, of_documents


def read_pairs(
    location: str,
    queries: Side,
    corpus: Side,
    *,
    own: NDArray[np.int64] | None,
    form: TableForm = AS_USUAL,
) -> tuple[Relevance, Mapping[str, int]]:
    """Relevance from a Parquet, CSV or TSV file of pairs, and the number of pairs left out, by reason.

    The file has columns query and document (or query-id and corpus-id) with keys, or query_row and document_row with
    row numbers; and optionally grade (or score), above 0 for relevant. A pair with an unknown query or document is left
    out and counted, since judgements often cover more than the mined data. own: see `relevance_of`.

    Raises: DataError for columns that are missing, empty or not numeric, and if no pair matches; InputError, as
    `relevance_of` does.
    """
    located = locate(location, Path())
    table = read_columns(located, (*QUERY, *DOCUMENT, *GRADE, QUERY_ROW, DOCUMENT_ROW), form)
    query, asked = _rows(table, QUERY, QUERY_ROW, queries, location, "query")
    document, given = _rows(table, DOCUMENT, DOCUMENT_ROW, corpus, location, "document")
    left_out = {
        "without query": int((query == NO_ROW).sum()),
        "without document": int(((document == NO_ROW) & (query != NO_ROW)).sum()),
    }
    there = (query != NO_ROW) & (document != NO_ROW)
    if len(table) and not there.any():
        raise DataError(
            f"{location}: none of the {len(table):,} pairs is of these files: "
            f"{_none_of(query, asked, queries, 'query')}; {_none_of(document, given, corpus, 'document')}: "
            "give the pairs of these queries and documents"
        )
    grade = _grades(table, location)
    try:
        known = relevance_of(
            query[there],
            document[there],
            None if grade is None else grade[there],
            queries=len(queries),
            corpus=len(corpus),
            own=own,
        )
    except InputError as error:
        raise DataError(f"{location}: {error}") from None
    return known, {why: count for why, count in left_out.items() if count}


def _rows(
    table: pa.Table, names: tuple[str, ...], by_row: str, side: Side, location: str, word: str
) -> tuple[NDArray[np.int64], pa.Array]:
    """Rows (P,) of one side of the pairs, −1 for unknown ones, and the names given in the file."""
    present = [name for name in (*names, by_row) if name in table.column_names]
    if len(present) != 1:
        found = ", ".join(table.column_names) or "none of them"
        raise DataError(
            f"{location} must have one of the columns {', '.join((*names, by_row))} (found: {found}): call the column "
            f"with the {word}'s key {names[0]}, or that with its row, from 0, {by_row}"
        )
    (name,) = present
    cells = as_strings(table[name].combine_chunks(), subject=f'{location}, column "{name}"')
    empty = sum(cell is None or not cell.strip() for cell in cells.to_pylist())
    if empty:
        raise DataError(f'{location}, column "{name}" has {empty:,} empty cells: leave these pairs out')
    if name != by_row:
        return same_names(cells, side.names), cells
    subject = f'{location}, column "{name}"'
    numbers = as_numbers(cells, pa.int64(), subject=subject, wanted="row", remedy="give whole numbers")
    rows = numbers.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where((rows >= 0) & (rows < len(side)), rows, NO_ROW), cells


def _none_of(rows: NDArray[np.int64], said: pa.Array, side: Side, word: str) -> str:
    matched = int((rows != NO_ROW).sum())
    if matched:
        return f"{matched:,} name a {word} that is there"
    return f"none names a {word} that is there (the first says {said[0]}, where the first is {side.names[0]})"


def _grades(table: pa.Table, location: str) -> NDArray[np.float64] | None:
    present = [name for name in GRADE if name in table.column_names]
    if not present:
        return None
    if len(present) > 1:
        raise DataError(f"{location} has the columns {' and '.join(present)}: leave one of them")
    column = table[present[0]].combine_chunks()
    numbers = as_numbers(
        column,
        pa.float64(),
        subject=f'{location}, column "{present[0]}"',
        wanted="number",
        remedy="give grades as numbers, above 0 for relevant",
    )
    return numbers.fill_null(float("nan")).to_numpy(zero_copy_only=False)
