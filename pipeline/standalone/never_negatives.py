"""Read pairs that are never negatives from a file, and store them in a folder of triplets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.errors import InputError
from ...mining.guarding.never_negatives import PairLists, pair_lists
from ...mining.neighbours import NO_ROW
from ..data.base import same_names
from ..data.columns import as_numbers, as_strings, read_columns
from ..data.files import locate
from ..data.tables.form import AS_USUAL, TableForm
from ..errors import CorruptError, DataError
from ..storage.tables import read_table, write_table

KEPT = "never_negatives.parquet"
"""Columns anchor and negative int64: rows; each pair is listed in every direction in which it holds."""

OF_ONE_SET = (("key", "other_key"), ("row", "other"))
OF_TWO_SETS = (("query", "document"), ("query_row", "document_row"))
"""(columns of keys, columns of rows from 0): for one set as written by `tripletmine suspects`, for two as in relevant
pairs."""


def read_never_negatives(
    location: str,
    keys: pa.Array,
    corpus_keys: pa.Array | None = None,
    *,
    form: TableForm = AS_USUAL,
    note: Callable[[str], None],
) -> PairLists:
    """The pairs of a Parquet, CSV or TSV file, given by keys if it has columns of keys, else by rows.

    keys: those of all rows. corpus_keys: those of the documents, if the rows are queries. note: told how many pairs
    were left out because they name an unknown row.
    Raises: DataError for missing or invalid columns, and if no pair is of these rows.
    """
    sides = (keys, keys if corpus_keys is None else corpus_keys)
    names, rows = OF_ONE_SET if corpus_keys is None else OF_TWO_SETS
    table = read_columns(locate(location, Path()), (*names, *rows), form)
    given = next((pair for pair in (names, rows) if set(pair) <= set(table.column_names)), None)
    if given is None:
        raise DataError(
            f"{location} must have the columns {' and '.join(names)} (keys), or {' and '.join(rows)} (rows, from 0); "
            f"it has {', '.join(table.column_names)}"
        )
    columns = [
        _rows(table[name].combine_chunks(), side, location, name, by_key=given == names)
        for name, side in zip(given, sides, strict=True)
    ]
    pairs = np.stack(columns, axis=1)
    there = (pairs != NO_ROW).all(axis=1)
    if len(pairs) and not there.any():
        raise DataError(
            f"{location}: none of the {len(pairs):,} pairs is of these rows: give pairs of these files"
        )
    if not there.all():
        note(
            f"{location}: {int((~there).sum()):,} of {len(pairs):,} pairs are not of these rows, and left out"
        )
    try:
        return pair_lists(pairs[there], len(keys), others=None if corpus_keys is None else len(corpus_keys))
    except InputError as error:
        raise DataError(f"{location}: {error}") from None


def _rows(column: pa.Array, keys: pa.Array, location: str, name: str, *, by_key: bool) -> NDArray[np.int64]:
    """int64 (M,): rows, −1 for unknown ones."""
    if by_key:
        wanted = as_strings(column, subject=f'{location}, column "{name}"')
        return same_names(wanted, keys)
    subject = f'{location}, column "{name}"'
    numbers = as_numbers(column, pa.int64(), subject=subject, wanted="row", remedy="give whole numbers")
    rows = numbers.fill_null(NO_ROW).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where((rows >= 0) & (rows < len(keys)), rows, NO_ROW)


def keep_never_negatives(folder: Path, lists: PairLists) -> None:
    """Write the pairs into the folder of triplets that are mined with them."""
    anchors = np.repeat(np.arange(len(lists)), np.diff(lists.starts))
    write_table(folder / KEPT, pa.table({"anchor": anchors, "negative": lists.partners}))


def kept_never_negatives(folder: Path, rows: int) -> PairLists | None:
    """The pairs written by `keep_never_negatives`; None if there are none. Raises: CorruptError."""
    path = folder / KEPT
    if not path.exists():
        return None
    try:
        table = read_table(path)
        anchor, negative = (table[name].to_numpy() for name in ("anchor", "negative"))
        others = max(rows, int(negative.max(initial=0)) + 1)
        return pair_lists(np.stack([anchor, negative], axis=1), rows, others=others)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise CorruptError(f"{path} cannot be understood ({error}): mine again") from None
