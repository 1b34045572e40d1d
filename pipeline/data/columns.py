"""Tables of rows: Parquet or CSV with a label, and perhaps a split, a role and a group, for each row."""

import codecs
import io
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from ..errors import DataError
from ..redact import has_secret
from .base import SPLIT_NAMES, SourceRows, per_value
from .files import read_bytes, said_by, unreadable
from .parquet import SUFFIXES, is_parquet_folder, parquet_schema, read_parquet

LABEL_NAMES = ("label", "labels")
ROW_NAMES = (*LABEL_NAMES, "split", "role", "group")
"""Columns with a meaning, beside that which names the rows. Others are the user's own, and are not read."""

_ROLES = {"query": "query", "gallery": "gallery"}


def is_table(location: str) -> bool:
    """Whether this is a file, or a folder of Parquet files, which `read_columns` reads."""
    return _suffix(location) in (*SUFFIXES, ".csv") or is_parquet_folder(location)


def read_columns(location: str, names: tuple[str, ...]) -> pa.Table:
    """Read those of the columns `names` that a Parquet or CSV file has. Cells of a CSV file stay strings.

    Raises: DataError naming the file, and where one of the columns is there twice or only nearly has its name.
    """
    there = column_names(location)
    _refuse_confusing(there, names, location)
    present = [name for name in there if name in names]
    if not present and len(names) > 1 and _suffix(location) == ".csv":
        says = " ".join(", ".join(there).split())  # cells of a row, perhaps with line breaks
        raise DataError(
            f"{location} has none of the columns {', '.join(names)} (its first line says: {says}): begin it with a "
            "line that names them"
        )
    try:
        if _suffix(location) == ".csv":
            return _read_csv(io.BytesIO(_utf8(location)), present)
        return read_parquet(location, present)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(location, error) from error


def column_names(location: str) -> list[str]:
    """All columns of a Parquet or CSV file. Raises: DataError naming the file."""
    if not is_table(location):
        raise DataError(
            f"{location} is neither .parquet nor .csv: convert it to one of them, tables of other kinds are not read"
        )
    try:
        if _suffix(location) == ".csv":
            source = io.BytesIO(_utf8(location))
            with pyarrow.csv.open_csv(source, parse_options=_CSV) as reader:
                return reader.schema.names
        return parquet_schema(location).names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise unreadable(location, error) from error


def _refuse_confusing(there: Sequence[str], names: Sequence[str], location: str) -> None:
    """A column that is there twice, and one that would be left out for a space or a capital letter."""
    for name, count in Counter(there).items():
        meant = name.strip().lower()
        if name in names and count > 1:
            raise DataError(f"{location} has {count} columns {name!r}: leave one, or rename the others")
        if name not in names and meant in names and meant not in there:
            raise DataError(f"{location} has a column {name!r}, which means nothing: call it {meant!r}")


def _refuse_secrets(cells: pa.Array | None, subject: str) -> None:
    """What rows are called is kept in the run directory, and shown. The message does not repeat it."""
    if cells is None:
        return
    strings = cells.flatten() if _is_list(cells.type) else cells
    found = sum(cell is not None and has_secret(cell) for cell in strings.to_pylist())
    if found:
        raise DataError(
            f"{subject} has {found:,} URLs with credentials in them (a user, a password, a token or a signature), "
            "which would be kept with every run: take them out, and give them to fsspec by its configuration or by the "
            "environment"
        )


def _suffix(location: str) -> str:
    name = location.partition("::")[0].rpartition("/")[2].lower()
    return "." + name.rpartition(".")[2]


def _utf8(location: str) -> bytes:
    """The bytes of a text file. Raises: DataError where it is in another encoding, which nobody can tell for sure."""
    content = read_bytes(location)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        what = (
            "UTF-16"
            if wide
            else f"not UTF-8 (byte {error.start:,} is {content[error.start]:#x}; Latin-1, perhaps)"
        )
    else:
        if b"\0" not in content:
            return content
        what = "UTF-16 or UTF-32, by its zero bytes"
    raise DataError(f"{location} is {what}: save it as UTF-8")


_CSV = pyarrow.csv.ParseOptions(newlines_in_values=True)
"""Else a quoted line break at the border of two blocks of the file ends its row."""


def _read_csv(source: io.BytesIO, present: Sequence[str]) -> pa.Table:
    # Arrow would read the labels 007 and 7 as one number, so every column is declared a string.
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(present, pa.string()),
        include_columns=present,
        strings_can_be_null=True,
        null_values=[""],
    )
    return pyarrow.csv.read_csv(source, parse_options=_CSV, convert_options=options)


def rows_from_columns(table: pa.Table, keys: pa.Array, *, subject: str, separator: str | None) -> SourceRows:
    """Rows of a table with the columns label (or labels) and, where present, split, role and group.

    keys: string, one for each row. separator: what separates several labels in one string.
    Raises: DataError naming `subject`, the row and the value.
    """
    name = next((name for name in LABEL_NAMES if name in table.column_names), None)
    if name is None:
        found = ", ".join(table.column_names) or "none of those that mean something"
        raise DataError(f'{subject} has no column "label" (found: {found}): add it')
    labels = as_labels(table[name].combine_chunks(), subject=subject, separator=separator)
    for column, cells in (
        ("path or key", keys),
        (name, labels),
        ("group", _strings(table, "group", subject)),
    ):
        _refuse_secrets(cells, f"{subject}, column {column}")
    return SourceRows(
        keys=keys,
        labels=labels,
        splits=_splits(table, subject),
        roles=_roles(table, subject),
        groups=_strings(table, "group", subject),
    )


def as_strings(column: pa.Array, *, subject: str) -> pa.Array:
    """A column of any type whose values are names, as string. Raises: DataError for others, as lists."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        return column.cast(pa.string())
    except (pa.ArrowException, NotImplementedError) as error:
        raise DataError(
            f"{subject} has values of type {column.type}, which are not names ({said_by(error)}): store them as strings"
        ) from error


def as_labels(column: pa.Array, *, subject: str, separator: str | None) -> pa.Array:
    """Labels as string, or as list<string> where rows may have several; no row without a label.

    separator: what separates several labels in one string; None where a string is one label.
    Numbers become their decimal form. Raises: DataError for null, empty and fractional labels.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not _is_list(column.type):
        labels = _label_strings(column, subject)
        return labels if separator is None else _label_lists(labels, separator, subject)
    if separator is not None:
        raise DataError(f"{subject} has lists of labels: remove data.label_separator, which is for strings")
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    _refuse_empty(lengths == 0, subject)
    values = _label_strings(column.flatten(), subject)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _label_strings(column: pa.Array, subject: str) -> pa.Array:
    if pa.types.is_floating(column.type):
        raise DataError(
            f"{subject} has labels of type {column.type}: store whole numbers or strings, "
            "since fractions do not name a class"
        )
    labels = per_value(as_strings(column, subject=f"{subject}, labels"), str.strip, pa.string())
    empty = per_value(labels, lambda label: label == "", pa.bool_()).fill_null(True)
    _refuse_empty(empty.to_numpy(zero_copy_only=False), subject)
    return labels


def _label_lists(labels: pa.Array, separator: str, subject: str) -> pa.Array:
    lists = per_value(labels, lambda joined: joined.split(separator), pa.list_(pa.string()))
    return as_labels(lists, subject=subject, separator=None)


def _refuse_empty(empty: NDArray[np.bool_], subject: str) -> None:
    if empty.any():
        raise DataError(
            f"{subject} has {int(empty.sum())} empty labels, the first as number {int(empty.argmax())} "
            "(from 0): give every row a label, or leave those rows out"
        )


def _strings(table: pa.Table, name: str, subject: str) -> pa.Array | None:
    """A column as strings with null for empty cells; None where the table does not have it."""
    if name not in table.column_names:
        return None
    column = as_strings(table[name].combine_chunks(), subject=f'{subject}, column "{name}"')
    return per_value(column, lambda cell: cell.strip() or None, pa.string())


def _splits(table: pa.Table, subject: str) -> pa.Array | None:
    column = _strings(table, "split", subject)
    if column is None:
        return None
    if column.null_count:
        raise DataError(
            f"{subject} has {column.null_count} rows without a split: fill the column, or drop it"
        )
    return _translated(column, SPLIT_NAMES, f'{subject}, column "split"')


def _roles(table: pa.Table, subject: str) -> pa.Array | None:
    column = _strings(table, "role", subject)
    return None if column is None else _translated(column, _ROLES, f'{subject}, column "role"')


def _translated(column: pa.Array, names: Mapping[str, str], subject: str) -> pa.Array:
    def translate(value: str) -> str:
        if value.lower() not in names:
            row, known = column.index(value).as_py(), ", ".join(names)
            raise DataError(
                f"{subject} has {value!r} in row {row} (from 0) but known are {known}: use one of them"
            )
        return names[value.lower()]

    return per_value(column, translate, pa.string())
