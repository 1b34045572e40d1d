"""The names of rows in a training set: their keys, or texts from a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....mining.errors import InputError
from ....mining.neighbours import NO_ROW
from ...data.base import same_names
from ...data.columns import as_strings, column_names, read_columns
from ...data.files import locate
from ...data.rows import check_keys
from ...errors import DataError

KEY = "key"


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """keys: string (N,), those of all rows of a side. texts: large_string (N,), which may exceed 2 GiB."""

    keys: pa.Array
    texts: pa.Array

    @classmethod
    def of(cls, keys: pa.Array, texts: pa.Array | None = None) -> "Names":
        """Names with these texts; without texts, the keys take their place."""
        return cls(keys, keys.cast(pa.large_string()) if texts is None else texts)

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, rows: NDArray[np.int64]) -> pa.Array:
        """string (S,): the keys of some rows."""
        return self.keys.take(pa.array(rows))

    def text(self, rows: NDArray[np.int64]) -> pa.Array:
        """string (S,): the texts of some rows, at most 2 GiB."""
        return self.texts.take(pa.array(rows)).cast(pa.string())

    def sizes(self) -> NDArray[np.int64]:
        """int64 (N,): size of each text in bytes."""
        return pc.binary_length(self.texts).to_numpy(zero_copy_only=False)  # pyright: ignore[reportAttributeAccessIssue]


def given_names(keys: pa.Array | None, texts: Sequence[str] | None, rows: int, *, subject: str) -> Names:
    """Names of rows in memory: their keys, else their numbers as strings; and texts (N,), one for each row.

    Raises: InputError for a wrong number of texts.
    """
    called = pa.array([str(row) for row in range(rows)], pa.string()) if keys is None else keys
    if texts is not None and len(texts) != rows:
        raise InputError(
            f"{subject} are {len(texts):,} for {rows:,} rows: give one for each, in the same order"
        )
    return Names.of(called, None if texts is None else pa.array(texts, pa.large_string()))


def read_texts(
    values: str, column: str, keys: pa.Array, sources: NDArray[np.int64] | None = None
) -> pa.Array:
    """Read a column of a table, as large_string in the order of `keys`.

    values: Parquet, CSV or TSV file. If it has a column key, rows are matched by key, in any order; it may have more
    rows. Else it must have one row for each row of the data set, in the same order. sources: see `TripletSource`.

    Raises: DataError for a missing column, missing rows, and empty cells.
    """
    location = locate(values, Path())
    there = column_names(location)
    if column not in there:
        raise DataError(
            f"{values} has no column {column!r} (it has {', '.join(there)}): name one with --column"
        )
    table = read_columns(location, (column, KEY) if KEY in there else (column,))
    texts = _strings(table[column], f"{values}, column {column!r}")
    if KEY in table.column_names and column != KEY:
        there = as_strings(table[KEY].combine_chunks(), subject=f'{values}, column "{KEY}"')
        check_keys(there, subject=values)
        found = texts.take(pa.array(_places(keys, there, values)))
        return _filled(found, values, column, keys)
    if len(table) != len(keys):
        raise DataError(
            f"{values} has {len(table)} rows but the data that were mined have {len(keys)}: give a file with one row "
            "for each, in the same order, or with a column key"
        )
    found = texts if sources is None else texts.take(pa.array(sources))
    return _filled(found, values, column, keys)


def _strings(column: pa.ChunkedArray, subject: str) -> pa.Array:
    """The column as large_string, converted chunk by chunk because Arrow's string arrays end at 2 GiB."""
    chunks = [as_strings(chunk, subject=subject).cast(pa.large_string()) for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.large_string()).combine_chunks()


def _places(keys: pa.Array, there: pa.Array, values: str) -> NDArray[np.int64]:
    places = same_names(keys, there)
    missing = np.flatnonzero(places == NO_ROW)
    if len(missing):
        raise DataError(
            f"{values} has no row for {len(missing):,} of {len(keys):,} keys that were mined, as "
            f"{keys[int(missing[0])].as_py()!r}: add them, or drop its column key where its rows are in the order of "
            "the data"
        )
    return places


def _filled(texts: pa.Array, values: str, column: str, keys: pa.Array) -> pa.Array:
    """The texts. Raises: DataError if some are empty."""
    length = pc.utf8_length(pc.utf8_trim_whitespace(texts)).fill_null(0)  # pyright: ignore[reportAttributeAccessIssue]
    empty = np.flatnonzero(length.to_numpy(zero_copy_only=False) == 0)
    if len(empty):
        raise DataError(
            f"{values}, column {column!r} has {len(empty):,} empty cells, the first for "
            f"{keys[int(empty[0])].as_py()!r}: fill them"
        )
    return texts
