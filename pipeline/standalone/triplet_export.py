"""Triplets for other trainers: JSON lines, or a folder that `datasets.load_dataset` opens."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ..data.columns import as_strings, column_names, read_columns
from ..data.files import locate
from ..errors import DataError, SpecError
from ..storage.publish import published
from .triplet_folder import TripletSource, open_triplets

_ROLES = ("anchor", "positive", "negative")


def export_triplets(
    folder: Path,
    out: Path,
    *,
    form: Literal["jsonl", "dataset"],
    values: str | None = None,
    column: str = "text",
    epoch: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> int:
    """Write anchor, positive and negative of every triplet, each as what the row stands for.

    folder, epoch: see `open_triplets`. form: "jsonl" writes the file `out`;
    "dataset" writes Parquet files below the folder `out`, as Hugging Face datasets lays them out. values: a Parquet or
    CSV file with one row for each row of the data, in the order of the data set, whose `column` (a text, a path) takes
    the place of the key.

    Returns the number of triplets. Raises: SpecError, DataError.
    """
    source = open_triplets(folder, epoch)
    if source.chosen:
        note(source.chosen)
    if out.exists():
        raise SpecError(f"{out} exists already: choose another name, or remove it")
    names = _values(values, column, source) if values else source.keys
    tables = (_named(path, names) for path in source.files)
    return _write_jsonl(tables, out) if form == "jsonl" else _write_dataset(tables, out, len(source.files))


def _values(values: str, column: str, source: TripletSource) -> pa.Array:
    """The column, in the order of the ids."""
    location = locate(values, Path())
    table = read_columns(location, (column,))
    if column not in table.column_names:
        raise DataError(
            f"{values} has no column {column!r} (it has {', '.join(column_names(location))}): name one with --column"
        )
    if len(table) != len(source.keys):
        raise DataError(
            f"{values} has {len(table)} rows but the data that were mined have {len(source.keys)}: give a file with "
            "one row for each, in the same order"
        )
    found = as_strings(table[column].combine_chunks(), subject=f"{values}, column {column!r}")
    if found.null_count:
        first = found.is_null().index(True).as_py()
        raise DataError(
            f"{values}, column {column!r} has {found.null_count} empty cells, the first in row {first} (from 0): "
            "fill them"
        )
    return found if source.sources is None else found.take(pa.array(source.sources))


def _named(path: Path, names: pa.Array) -> pa.Table:
    ids = pq.read_table(path, columns=list(_ROLES), page_checksum_verification=True)
    largest = max((int(ids[role].to_numpy().max()) for role in _ROLES), default=0) if len(ids) else 0
    if largest >= len(names):
        raise DataError(
            f"{path} names row {largest} but there are values for {len(names)} rows: give those of the same data"
        )
    return pa.table({role: names.take(ids[role].combine_chunks()) for role in _ROLES})


def _write_jsonl(tables: Iterator[pa.Table], out: Path) -> int:
    written = 0
    with published(out) as partial, partial.open("w", encoding="utf-8") as file:
        for table in tables:
            for row in table.to_pylist():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            written += len(table)
    return written


def _write_dataset(tables: Iterator[pa.Table], out: Path, parts: int) -> int:
    written = 0
    for number, table in enumerate(tables):
        with published(out / "data" / f"train-{number:05d}-of-{parts:05d}.parquet") as partial:
            pq.write_table(table, partial, compression="zstd")
        written += len(table)
    return written
