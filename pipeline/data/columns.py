"""Tables of rows: Parquet, CSV or TSV with a label and, optionally, a split, a role and a group for each row."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import DataError
from ..redact import has_secret
from ..storage.tables import UNREADABLE
from .base import SPLIT_NAMES, SourceRows, one_by_one, per_value
from .files import said_by, unreadable
from .parquet import SUFFIXES, is_parquet_folder, parquet_schema, read_parquet
from .tables.form import AS_USUAL, TableForm
from .tables.text import SUFFIXES as TEXT_SUFFIXES
from .tables.text import is_text, likely_separator, read_text, separator_of, text_columns

LABEL_NAMES = ("label", "labels")
ROW_NAMES = (*LABEL_NAMES, "split", "role", "group")
"""Columns that are read, beside the one that names the rows. Others are the user's own and are ignored."""

_ROLES = {"query": "query", "gallery": "gallery"}


def is_table(location: str) -> bool:
    """Whether `read_columns` can read this: a text table, a Parquet file, or a folder of Parquet files."""
    return is_text(location) or _is_parquet(location)


def read_columns(location: str, names: tuple[str, ...], form: TableForm = AS_USUAL) -> pa.Table:
    """Read the columns of `names` that a Parquet, CSV or TSV file has. Cells of a text file stay strings.

    form: the separator of a text file, and the file's own names of columns.
    Raises: DataError naming the file; also for a repeated column, or a name that differs only in case or spaces.
    """
    there = column_names(location, form)
    theirs = {form.names.get(name, name): name for name in names}
    form.require(names, there, location)
    _refuse_confusing(there, tuple(theirs), location)
    present = [name for name in there if name in theirs]
    if not present and len(names) > 1 and is_text(location):
        raise _without_names(location, there, tuple(theirs), form)
    try:
        table = read_text(location, present, form) if is_text(location) else read_parquet(location, present)
    except UNREADABLE as error:
        raise unreadable(location, error) from error
    # Arrow reads all columns of a text file if `present` is empty.
    return table.select(present).rename_columns([theirs[name] for name in present])


def column_names(location: str, form: TableForm = AS_USUAL) -> list[str]:
    """The file's own names of all columns of a Parquet, CSV or TSV file. Raises: DataError naming the file."""
    if not is_table(location):
        raise DataError(
            f"{location} is neither .parquet nor {', '.join(TEXT_SUFFIXES)}: convert it to one of them, other formats "
            "are not read"
        )
    try:
        return text_columns(location, form) if is_text(location) else parquet_schema(location).names
    except UNREADABLE as error:
        raise unreadable(location, error) from error


def _is_parquet(location: str) -> bool:
    name = location.partition("::")[0].rpartition("/")[2].lower()
    return name.endswith(SUFFIXES) or is_parquet_folder(location)


def _without_names(location: str, there: Sequence[str], names: Sequence[str], form: TableForm) -> DataError:
    says = " ".join(", ".join(there).split())  # cells of a row, perhaps with line breaks
    separator = likely_separator(there)
    remedy = (
        "begin it with a line of column names, or give its own names: with data.columns in a run file, "
        f"`--columns {'label' if 'label' in names else names[0]}=NAME` of `mine`"
        if separator is None
        else f"put {separator_of(location, form)!r} between its cells, or name {separator!r}: as data.separator in a "
        "run file, --separator of `mine`"
    )
    return DataError(
        f"{location} has none of the columns {', '.join(names)} (its first line says: {says}): {remedy}"
    )


def _refuse_confusing(there: Sequence[str], names: Sequence[str], location: str) -> None:
    """Refuse a repeated column, and one that would be ignored because of a space or a capital letter."""
    for name, count in Counter(there).items():
        meant = name.strip().lower()
        if name in names and count > 1:
            raise DataError(f"{location} has {count} columns {name!r}: leave one, or rename the others")
        if name not in names and meant in names and meant not in there:
            raise DataError(f"{location} has a column {name!r}, which would be ignored: call it {meant!r}")
    both = [name for name in LABEL_NAMES if name in names and name in there]
    if len(both) > 1:
        raise DataError(f"{location} has both columns {' and '.join(both)}: leave one, or rename the other")


def _refuse_secrets(cells: pa.Array | None, subject: str) -> None:
    """Refuse credentials, since these cells are stored in the run directory and shown; the message omits them."""
    if cells is None:
        return
    strings = cells.flatten() if _is_list(cells.type) else cells
    urls = strings.filter(pc.match_substring(strings, "://"))  # pyright: ignore[reportAttributeAccessIssue]  made at import
    found = sum(map(has_secret, one_by_one(urls)))
    if found:
        raise DataError(
            f"{subject} has {found:,} URLs with credentials in them (a user, a password, a token or a signature), "
            "which would be kept with every run: take them out, and give them to fsspec by its configuration or by the "
            "environment"
        )


def rows_from_columns(table: pa.Table, keys: pa.Array, *, subject: str, separator: str | None) -> SourceRows:
    """Rows of a table with the columns label (or labels) and, if present, split, role and group.

    keys: string, one per row. separator: of several labels in one string.
    Raises: DataError naming `subject`, the row and the value.
    """
    name = next((name for name in LABEL_NAMES if name in table.column_names), None)
    if name is None:
        found = ", ".join(table.column_names) or "none that is read"
        raise DataError(
            f'{subject} has no column "label" (found: {found}): add it, or give its own name: with '
            "data.columns in a run file, --columns of `mine`"
        )
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
    """A column of names of any type, as strings. Raises: DataError for values that are not names, such as lists."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        return column.cast(pa.string())
    except (pa.ArrowException, NotImplementedError) as error:
        raise DataError(
            f"{subject} has values of type {column.type}, which are not names ({said_by(error)}): store them as strings"
        ) from error


def as_numbers(column: pa.Array, kind: pa.DataType, *, subject: str, wanted: str, remedy: str) -> pa.Array:
    """A column as numbers of type `kind`; strings, such as the cells of text files, are parsed.

    wanted: what each cell should be, for the message. Raises: DataError for other values.
    """
    try:
        return column.cast(kind)
    except (pa.ArrowException, NotImplementedError) as error:
        raise DataError(
            f"{subject} has a value that is not a {wanted} ({said_by(error)}): {remedy}"
        ) from None


def as_labels(column: pa.Array, *, subject: str, separator: str | None) -> pa.Array:
    """Labels as string, or as list<string> if rows may have several; every row has a label.

    separator: of several labels in one string; None if a string is a single label.
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
            "since fractions cannot name a class"
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
    """A column as strings with null for empty cells; None if the table does not have the column."""
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
