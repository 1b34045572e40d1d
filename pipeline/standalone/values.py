"""A column of a user's file that stands for the rows that were mined: texts, paths."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.columns import as_strings, column_names, read_columns
from ..data.files import locate
from ..errors import DataError


def read_values_column(
    values: str, column: str, rows: int, sources: NDArray[np.int64] | None = None
) -> pa.Array:
    """The column, strings in the order of the ids.

    values: Parquet or CSV with one row for each of the `rows` of the data, in the order of the data set. sources: see
    `TripletSource`.
    Raises: DataError for a column that is not there, another number of rows, and empty cells.
    """
    location = locate(values, Path())
    table = read_columns(location, (column,))
    if column not in table.column_names:
        raise DataError(
            f"{values} has no column {column!r} (it has {', '.join(column_names(location))}): name one with --column"
        )
    if len(table) != rows:
        raise DataError(
            f"{values} has {len(table)} rows but the data that were mined have {rows}: give a file with "
            "one row for each, in the same order"
        )
    found = as_strings(table[column].combine_chunks(), subject=f"{values}, column {column!r}")
    if found.null_count:
        first = found.is_null().index(True).as_py()
        raise DataError(
            f"{values}, column {column!r} has {found.null_count} empty cells, the first in row {first} (from 0): "
            "fill them"
        )
    return found if sources is None else found.take(pa.array(sources))
