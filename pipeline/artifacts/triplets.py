"""The files of the mine stage: their names and columns, and how to read them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...mining.confusion import Confusion
from ...mining.labels import Labels
from ...mining.report import ClassCounts
from ..errors import CorruptError
from ..storage.committed import Committed
from ..storage.tables import UNREADABLE, read_table

CONFUSION = "confusion.parquet"
CLASSES = "classes.parquet"
HARDNESS = "hardness.json"
AUDIT = "audit.json"
_FOLDER = "triplets"


def part_name(index: int) -> str:
    """File of the triplets of one range of anchors, relative to the stage's folder."""
    return f"{_FOLDER}/part-{index:05d}.parquet"


def part_names(mine: Committed) -> list[str]:
    """All triplet files of a committed mine stage, in order of anchors."""
    return sorted(name for name in mine.manifest.files if name.startswith(f"{_FOLDER}/"))


def triplet_table(columns: Mapping[str, NDArray], labels: Labels) -> pa.Table:
    """Mined columns as a table; class codes become class names, stored as a dictionary."""
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        arrays[name] = class_names(values, labels) if name.endswith("_label") else pa.array(values)
    return pa.table(arrays)


def pair_table(columns: Mapping[str, NDArray]) -> pa.Table:
    """Mined columns of queries and documents, which have no classes, as a table."""
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def class_names(codes: NDArray[np.int32], labels: Labels) -> pa.DictionaryArray:
    """Class codes as a dictionary array of class names, with only the names that occur."""
    used = np.flatnonzero(np.bincount(codes, minlength=labels.classes))
    place = np.zeros(labels.classes, np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    names = pa.array([str(labels.names[code]) for code in used.tolist()], type=pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(place[codes]), names)


def triplet_columns(mine: Committed, name: str, columns: Sequence[str]) -> dict[str, NDArray]:
    """Some columns of one file of the stage as arrays.

    Raises: CorruptError if the file differs from its receipt or lacks a column.
    """
    path = mine.checked(name)
    try:
        there = pq.read_schema(path).names
        missing = [column for column in columns if column not in there]
        if missing:
            raise CorruptError(
                f"{path} has no column {missing[0]} (it has {', '.join(there)}): {mine.remedy}"
            )
        table = read_table(path, columns)
    except UNREADABLE as error:
        raise CorruptError(f"{path} cannot be read ({error}): {mine.remedy}") from None
    return {column: table[column].to_numpy() for column in columns}


def coded_columns(path: Path, labels: Labels, names: Sequence[str] | None = None) -> dict[str, NDArray]:
    """All or some columns of a triplet file, with class names turned back into codes (-1 for an unknown name).

    Raises: CorruptError for a file that cannot be read.
    """
    try:
        table = read_table(path, names)
    except UNREADABLE as error:
        raise CorruptError(f"{path} cannot be read ({error}): mine again") from None
    coded = any(name.endswith("_label") for name in table.column_names)
    codes = {str(name): code for code, name in enumerate(labels.names)} if coded else {}
    columns: dict[str, NDArray] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if not name.endswith("_label"):
            columns[name] = column.to_numpy(zero_copy_only=False)
            continue
        column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        of_name = np.array([codes.get(each, -1) for each in column.dictionary.to_pylist()] or [-1], np.int32)
        columns[name] = of_name[column.indices.to_numpy(zero_copy_only=False)]
    return columns


def each_part(mine: Committed, columns: Sequence[str]) -> Iterator[dict[str, NDArray]]:
    """Some columns of each triplet file, in order of anchors."""
    for name in part_names(mine):
        yield triplet_columns(mine, name, columns)


def confusion_table(confusion: Confusion, labels: Labels) -> pa.Table:
    """The class-confusion table: class codes for training, names and mean hinge for people."""
    return pa.table(
        {
            "class_a": pa.array(confusion.class_a),
            "class_b": pa.array(confusion.class_b),
            "label_a": class_names(confusion.class_a, labels),
            "label_b": class_names(confusion.class_b, labels),
            "count": pa.array(confusion.count),
            "mean_hinge": pa.array(confusion.mean_hinge),
        }
    )


def classes_table(
    parts: Sequence[ClassCounts], labels: Labels, excluded: NDArray[np.bool_] | None = None
) -> pa.Table:
    """Rows and triplets of each mined class, including classes without triplets.

    excluded: bool (N,), rows that were not mined; classes without other rows are left out.
    """
    triplets = np.zeros(labels.classes, np.int64)
    for part in parts:
        triplets[part.classes] += part.triplets
    sizes = labels.sizes(excluded)
    there = np.flatnonzero(sizes)
    return pa.table(
        {
            "label": pa.array([str(labels.names[code]) for code in there], type=pa.string()),
            "rows": pa.array(sizes[there]),
            "triplets": pa.array(triplets[there]),
        }
    )


def read_confusion(mine: Committed) -> dict[str, NDArray]:
    """Columns class_a, class_b and count of the class-confusion table."""
    return triplet_columns(mine, CONFUSION, ("class_a", "class_b", "count"))
