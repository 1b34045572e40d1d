"""Parquet files: written so that damage shows, read column by column and only after a check."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .publish import published
from .regular import require_regular

UNREADABLE = (OSError, pa.ArrowException, UnicodeDecodeError)
"""What reading a damaged file raises: names of columns pyarrow decodes itself."""


def write_table(path: Path, table: pa.Table) -> None:
    """Publish a table. The same table gives the same bytes.

    Page checksums, as Parquet does not notice a flipped byte without them. Ids and ranks are stored as differences,
    which is both smaller and twice as fast as looking for repeated values among them. The rows of every table are
    ordered by its first column: statistics of the others would let no reader pass over anything, and cost a third of
    the time.
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
    """A table, or some of its columns, with its page checksums verified."""
    require_regular(path)
    return pq.read_table(
        path, columns=None if columns is None else list(columns), page_checksum_verification=True
    )
