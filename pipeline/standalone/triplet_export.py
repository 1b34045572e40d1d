"""Triplets for other trainers: JSON lines, or a folder that `datasets.load_dataset` opens."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import DataError, SpecError
from ..storage.publish import published
from .triplet_folder import TripletSource, open_triplets
from .values import read_values_column

_ROLES = ("anchor", "positive", "negative")


def export_triplets(
    folder: Path,
    out: Path,
    *,
    form: Literal["jsonl", "dataset"],
    values: str | None = None,
    corpus_values: str | None = None,
    column: str = "text",
    epoch: int | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> int:
    """Write anchor, positive and negative of every triplet, each as what the row stands for.

    folder, epoch: see `open_triplets`. form: "jsonl" writes the file `out`;
    "dataset" writes Parquet files below the folder `out`, as Hugging Face datasets lays them out. values: a Parquet or
    CSV file with one row for each row of the data, in the order of the data set, whose `column` (a text, a path) takes
    the place of the key. Of queries and documents it has the queries, and `corpus_values` the documents.

    Returns the number of triplets. Raises: SpecError, DataError.
    """
    source = open_triplets(folder, epoch)
    if source.chosen:
        note(source.chosen)
    if out.exists():
        raise SpecError(f"{out} exists already: choose another name, or remove it")
    names = _names(source, values, corpus_values, column)
    tables = (_named(path, names) for path in source.files)
    return _write_jsonl(tables, out) if form == "jsonl" else _write_dataset(tables, out, len(source.files))


def _names(
    source: TripletSource, values: str | None, corpus_values: str | None, column: str
) -> dict[str, pa.Array]:
    """By role, what its ids stand for."""
    if source.corpus is None:
        if corpus_values:
            raise SpecError("corpus_values is for triplets of queries and a corpus: give values alone")
        return dict.fromkeys(
            _ROLES,
            read_values_column(values, column, len(source.keys), source.sources) if values else source.keys,
        )
    if bool(values) != bool(corpus_values):
        given, missing = ("values", "corpus_values") if values else ("corpus_values", "values")
        raise SpecError(
            f"{given} is given without {missing}, and one has the queries, the other the documents: give both"
        )
    if not values or not corpus_values:
        return {role: source.keys_of(role) for role in _ROLES}
    queries = read_values_column(values, column, len(source.keys))
    return dict.fromkeys(_ROLES, read_values_column(corpus_values, column, len(source.corpus.keys))) | {
        "anchor": queries
    }


def _named(path: Path, names: Mapping[str, pa.Array]) -> pa.Table:
    ids = pq.read_table(path, columns=list(_ROLES), page_checksum_verification=True)
    for role in _ROLES:
        largest = int(ids[role].to_numpy().max()) if len(ids) else 0
        if largest >= len(names[role]) and len(ids):
            raise DataError(
                f"{path} names row {largest} but there are values for {len(names[role])} rows: give those of the same "
                "data"
            )
    return pa.table({role: names[role].take(ids[role].combine_chunks()) for role in _ROLES})


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
