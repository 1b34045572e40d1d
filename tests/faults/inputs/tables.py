"""Tables in CSV and Parquet, well and badly written, and what Python's own csv and plain values make of them."""

import csv
import datetime
import decimal
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from versions import string_views_are_written

from .damage import cut, edited

SEPARATORS = (None, None, "|", ",", ", ")
ROW_NAMES = ("label", "labels", "split", "role", "group")

_SPLITS = {
    **dict.fromkeys(["train", "training"], "train"),
    **dict.fromkeys(["val", "valid", "validation"], "validation"),
    **dict.fromkeys(["test", "testing"], "test"),
}
_NAMES = (
    *(
        "NA",
        "null",
        "nan",
        "None",
        "N/A",
        "#N/A",
        "007",
        "7",
        "7.0",
        "1e5",
        "true",
        "0x1f",
        "-0",
        "2020-01-01",
        "+1",
    ),
    *(
        "cat",
        "Cat",
        " cat ",
        "cat|dog",
        "cat| dog",
        "cat,dog",
        "a, b",
        'say "x"',
        "l\nm",
        "Ä",
        "A\u0308",
        "\u3000x",
        "'q'",
        "\\",
    ),
)
_LABELS = st.sampled_from(_NAMES)
_PATHS = st.sampled_from(
    ["a.png", "b/c.png", "ü.png", "a b.png", "x,y.png", 'q".png', " s.png", "NA", "1", "../u.png"]
)
_CELLS = {
    "path": _PATHS,
    "key": st.sampled_from(["k", "1", "01", "NA", "ü", "k "]),
    "label": _LABELS,
    "labels": _LABELS,
    "split": st.sampled_from(["train", "Train", " test", "VAL", "valid", "testing", "train ", "training"]),
    "role": st.sampled_from(["query", "Gallery", " QUERY ", "", "gallery"]),
    "group": st.sampled_from(["c1", " c1", "", "NA", "0", "00", " "]),
}
_BAD = {
    "label": st.sampled_from(["", " ", "|", "a||b", "a|"]),
    "split": st.sampled_from(["dev", "", "0", "train,test"]),
    "role": st.sampled_from(["probe", "NA", "1"]),
}
_OTHERS = st.sampled_from(["", "1", "NA", "x,y", "two\nlines", "ü", '"', "3.5"])

Cells = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """A file, and its columns as an independent reader finds them; None where they must be refused.

    broken: whether the file is damaged, so that its contents are unknown.
    """

    content: bytes
    columns: Cells | None
    suffix: str
    broken: bool = False

    def write(self, path: Path) -> None:
        """Write the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a data set must have. labels: strings, or lists of them."""

    keys: list[Any]
    labels: list[Any]
    splits: list[str] | None
    roles: list[str | None] | None
    groups: list[str | None] | None


@st.composite
def tables(draw: st.DrawFn, first: str) -> Table:
    """A table whose column `first` names the rows; three of four are whole."""
    table = draw(st.one_of(csv_tables(first), parquet_tables(first)))
    match draw(st.sampled_from(["whole"] * 9 + ["cut", "edited", "renamed"])):
        case "cut" if table.suffix == ".parquet":
            return Table(draw(cut(table.content)), None, table.suffix)
        case "edited":
            return Table(draw(edited(table.content)), None, table.suffix, broken=True)
        case "renamed":
            suffix = draw(st.sampled_from([".tsv", ".jsonl", ".txt", "", ".csv.gz", ".parquet", ".csv"]))
            same = suffix == table.suffix
            return Table(table.content, table.columns if same else None, suffix)
    return table


def _header(first: str) -> st.SearchStrategy[list[str]]:
    usual = st.lists(
        st.sampled_from(["split", "role", "group", "camera", "Unnamed: 0", "path.x"]), unique=True
    )
    return st.one_of(
        usual.map(lambda names: [first, "label", *names]),
        usual.map(lambda names: [first, *names, "labels"]),
        usual.map(lambda names: [*names, "label", first]),
        st.lists(st.sampled_from(["path", "key", *ROW_NAMES, "x"]), max_size=5),  # some missing, some twice
        st.sampled_from(
            [[first, " label"], ["Label", first], [first, "label", "Split"], [first, "label", " role "]]
        ),
    )


@st.composite
def csv_tables(draw: st.DrawFn, first: str) -> Table:
    """CSV in the dialects that programs write, and some that no program should."""
    header = draw(_header(first))
    rows = draw(st.sampled_from([4, 4, 3, 3, 2, 1, 0]))
    bad = draw(st.integers(0, 5)) == 0
    cells = [_BAD[name] if bad and name in _BAD else _CELLS.get(name, _OTHERS) for name in header]
    lines = [header, *([draw(cell) for cell in cells] for _ in range(rows))]
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(lines) - 1))
        lines[at] = draw(st.sampled_from([lines[at][:-1], [*lines[at], "more"], []]))
    text = io.StringIO(newline="")
    csv.writer(
        text,
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        delimiter=draw(st.sampled_from([","] * 9 + [";", "\t"])),
    ).writerows(lines)
    written = text.getvalue()
    written += draw(st.sampled_from(["", "", "\n", "\n\n"]))
    if draw(st.integers(0, 9)) == 0:
        written = written.rstrip("\r\n")
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig"] * 2 + ["utf-16", "latin-1"]))
    content = written.encode(encoding, errors="replace")
    return Table(content, csv_columns(content, first), ".csv")


def csv_columns(content: bytes, first: str) -> Cells | None:
    """The columns, by Python's csv; None if the text is not UTF-8, or lines differ in their number of cells."""
    try:
        text = content.decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except (UnicodeDecodeError, csv.Error):
        return None
    if not lines or "\0" in text or any(len(line) != len(lines[0]) for line in lines):
        return None
    return _by_name(
        first, lines[0], [[cell or None for cell in column] for column in zip(*lines[1:], strict=True)]
    )


def _by_name(first: str, header: Sequence[str], columns: Sequence[Sequence[Any]]) -> Cells | None:
    """Columns by name; None if a known column is there twice, or only with nearly its name."""
    known = (first, *ROW_NAMES)
    for name in header:
        meant = name.strip().lower()
        if meant in known and (header.count(name) > 1 if name == meant else meant not in header):
            return None
    return dict(zip(header, columns or [[] for _ in header], strict=True))


_TYPES: tuple[tuple[pa.DataType, st.SearchStrategy[Any]], ...] = (
    (pa.string(), st.sampled_from(_NAMES)),
    (pa.large_string(), st.sampled_from(_NAMES)),
    *([(pa.string_view(), st.sampled_from(_NAMES))] if string_views_are_written else []),
    (pa.dictionary(pa.int8(), pa.string()), st.sampled_from(_NAMES)),
    (pa.int8(), st.integers(-3, 3)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.bool_(), st.booleans()),
    (pa.decimal128(6, 2), st.sampled_from([decimal.Decimal("1.50"), decimal.Decimal("2.00")])),
    (pa.date32(), st.sampled_from([datetime.date(2020, 1, 2), datetime.date(1, 1, 1)])),
    (pa.timestamp("s"), st.sampled_from([datetime.datetime(2020, 1, 2, 3, 4, 5)])),
    (pa.binary(), st.sampled_from([b"cat", b"\xff", "Ä".encode()])),
    (pa.float64(), st.sampled_from([1.0, float("nan"), 1.5])),
    (pa.float16(), st.sampled_from([1.0, 2.0])),
    (pa.null(), st.none()),
    (pa.struct([("name", pa.string())]), st.just({"name": "cat"})),
    (pa.map_(pa.string(), pa.string()), st.just([("a", "b")])),
    (pa.list_(pa.string()), st.lists(st.sampled_from(_NAMES), max_size=3)),
    (pa.large_list(pa.int16()), st.lists(st.integers(0, 3), max_size=3)),
    (pa.list_(pa.int64(), 2), st.lists(st.integers(0, 3), min_size=2, max_size=2)),
    (pa.list_(pa.float32()), st.lists(st.just(1.0), max_size=2)),
    (pa.list_(pa.list_(pa.string())), st.just([["a"]])),
)


@st.composite
def parquet_tables(draw: st.DrawFn, first: str) -> Table:
    """Parquet with columns of any type."""
    header = [
        draw(st.sampled_from([first] * 5 + ["key", "path"])),
        draw(st.sampled_from(["label", "label", "label", "labels", "Label"])),
    ]
    usual = st.lists(st.sampled_from(["split", "role", "group", "x"]), max_size=3, unique=True)
    twice = st.lists(st.sampled_from(["split", "role", "group", "label", "x", " split"]), max_size=3)
    header += draw(st.one_of(usual, usual, usual, twice))
    rows = draw(st.sampled_from([4, 4, 3, 3, 2, 1, 0]))
    fields, columns = [], []
    for name in header:
        if name in ("label", "labels", "Label") or draw(st.integers(0, 9)) == 0:
            kind, values = draw(st.sampled_from(_TYPES[:4] * 4 + _TYPES))
        else:
            kind = draw(
                st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
            )
            values = _CELLS.get(name, _OTHERS)
        nullable = st.one_of(values, values, st.none()) if draw(st.integers(0, 7)) == 0 else values
        fields.append(pa.field(name, kind))
        columns.append(draw(st.lists(nullable, min_size=rows, max_size=rows)))
    arrays = [pa.array(values, field.type) for field, values in zip(fields, columns, strict=True)]
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(arrays, schema=pa.schema(fields)),
        buffer,
        compression=draw(st.sampled_from(["none", "snappy", "zstd"])),
        row_group_size=draw(st.sampled_from([1, 2, 100])),
        store_schema=draw(st.booleans()),
    )
    found = _by_name(
        first,
        header,
        [
            [_Typed(value, field.type) for value in column]
            for field, column in zip(fields, columns, strict=True)
        ],
    )
    return Table(buffer.getvalue(), found, ".parquet")


@dataclass(frozen=True, slots=True)
class _Typed:
    value: Any
    kind: pa.DataType


class Unreadable(Exception):
    """The table must be refused."""


def rows_of(columns: Cells | None, first: str, separator: str | None) -> Rows | None:
    """The rows of a table, by the documented rules; None where it must be refused."""
    try:
        if columns is None:
            raise Unreadable
        return _rows_of(columns, first, separator)
    except Unreadable:
        return None


def _rows_of(columns: Cells, first: str, separator: str | None) -> Rows:
    name = "label" if "label" in columns else "labels"
    if name == "label" and "labels" in columns:
        raise Unreadable
    if name not in columns or (first == "path" and "path" not in columns) or not columns[name]:
        raise Unreadable
    keys = [_text(cell) for cell in columns.get(first, range(len(columns[name])))]
    if None in keys and first == "path":
        raise Unreadable
    labels = [_labels(cell, separator) for cell in columns[name]]
    if not any(isinstance(label, list) for label in labels):
        labels = [_named(label) for label in labels]
    splits = _translated(columns.get("split"), _SPLITS)
    if splits is not None and None in splits:
        raise Unreadable
    return Rows(
        keys,
        labels,
        splits,  # type: ignore[arg-type]
        _translated(columns.get("role"), {"query": "query", "gallery": "gallery"}),
        _stripped(columns.get("group")),
    )


def _text(cell: Any) -> str | None:
    """A cell of any type as text."""
    kind = cell.kind if isinstance(cell, _Typed) else pa.string()
    value = cell.value if isinstance(cell, _Typed) else cell
    if pa.types.is_nested(kind):  # also where each cell is empty
        raise Unreadable
    if value is None:
        return None
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise Unreadable from None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):  # Parquet knows milliseconds and finer
        return f"{value}.000"
    if pa.types.is_floating(kind):
        return f"{value:g}"
    return str(value)


def _named(label: Any) -> str:
    if isinstance(label, _Typed) and pa.types.is_floating(label.kind):
        raise Unreadable
    name = (_text(label) or "").strip()
    if not name:
        raise Unreadable
    return name


def _labels(cell: Any, separator: str | None) -> Any:
    """One label, or a list of several."""
    kind = cell.kind if isinstance(cell, _Typed) else pa.string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if separator is not None or not cell.value:
            raise Unreadable
        return [_named(_Typed(value, kind.value_type)) for value in cell.value]
    if separator is None:
        return _named(cell)
    return [_named(part) for part in _named(cell).split(separator)]


def _stripped(column: Sequence[Any] | None) -> list[str | None] | None:
    if column is None:
        return None
    return [(_text(cell) or "").strip() or None for cell in column]


def _translated(column: Sequence[Any] | None, names: Mapping[str, str]) -> list[str | None] | None:
    cells = _stripped(column)
    if cells is None:
        return None
    if any(cell is not None and cell.lower() not in names for cell in cells):
        raise Unreadable
    return [None if cell is None else names[cell.lower()] for cell in cells]


def mined_of(rows: Rows, split: str | None) -> set[int] | None:
    """The rows that are mined: those of the split, by default the training split; None if there is nothing to mine."""
    keys = [str(key) for key in rows.keys]
    if None in rows.keys or len(set(keys)) < len(keys) or not all(key.strip() for key in keys):
        return None
    mined = set(range(len(keys)))
    if rows.splits is not None and split != "all":
        mined = {row for row, of in enumerate(rows.splits) if of == (split or "train")}
    elif rows.splits is None and split not in (None, "all"):
        return None
    labels = [rows.labels[row] for row in mined]
    sizes = Counter(name for label in labels for name in (set(label) if isinstance(label, list) else {label}))
    return mined if len(sizes) > 1 and max(sizes.values()) > 1 else None
