"""Write the table that a run reads, from the rows of the official files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ...storage.publish import publish_bytes
from .listed import COLUMNS, Listed


def write_listed(rows: Sequence[Listed], table: Path) -> None:
    """Write the CSV file `table`, with relative paths for pictures below its folder and absolute paths for others."""
    folder = table.parent.resolve()
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        path = row.path.resolve() if row.path.is_absolute() else Path.cwd() / row.path
        named = path.relative_to(folder) if path.is_relative_to(folder) else path
        writer.writerow((named.as_posix(), *row[1:]))
    publish_bytes(table, text.getvalue().encode())


def described(rows: Sequence[Listed]) -> str:
    """`8,144 train, 8,041 test; 196 classes`."""
    counts = {split: sum(row.split == split for row in rows) for split in ("train", "test")}
    said = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    return f"{said}; {len({row.label for row in rows}):,} labels"
