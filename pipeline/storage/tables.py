"""Parquet files with page checksums, which are verified when columns are read."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .publish import published
from .regular import require_regular

UNREADABLE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""Errors of reading a damaged file; pyarrow raises UnicodeDecodeError for column names."""


def write_table(path: Path, table: pa.Table) -> None:
    """Publish a table. The same table gives the same bytes.

    Page checksums detect flipped bytes, which Parquet otherwise does not. Integers (ids, ranks) are stored as
    differences, which is smaller than a dictionary and twice as fast. Statistics are written for the first column only,
    by which every table is sorted: those of other columns would let no reader skip pages, and cost a third of the time.
    """
    integers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    repeating = [
        field.name
        for field in table.schema
        if field.name not in integers and not pa.types.is_floating(field.type)
    ]
    with published(path) as partial:
        pq.write_table(
            table,
            partial,
            write_page_checksum=True,
            row_group_size=1 << 20,
            write_statistics=table.column_names[:1],  # pyright: ignore[reportArgumentType]  as below
            use_dictionary=repeating,  # pyright: ignore[reportArgumentType]  a list is documented
            column_encoding=dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
        )


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some of its columns, and verify page checksums. Raises: one of UNREADABLE."""
    require_regular(path)
    return pq.read_table(
        path, columns=None if columns is None else list(columns), page_checksum_verification=True
    )
