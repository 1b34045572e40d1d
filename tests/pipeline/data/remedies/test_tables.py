"""The remedies in messages about tables of rows, and the files they are in, work."""

import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem
from fsspec.config import conf, set_conf_env
from fsspec.registry import known_implementations
from remedies import Call, Refusal
from tripletmine.pipeline.data.columns import (
    ROW_NAMES,
    as_numbers,
    as_strings,
    read_columns,
    rows_from_columns,
)
from tripletmine.pipeline.data.files import locate, read_bytes, stamp
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.rows import check_keys
from tripletmine.pipeline.data.table import ImageTable
from tripletmine.pipeline.data.tables.form import AS_USUAL, TableForm
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.load import parse_spec

NAMES = ("key", *ROW_NAMES)


def written(name: str, content: str | bytes | pa.Table) -> str:
    """Write a file, and return its name."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pa.Table):
        pq.write_table(content, name)
    else:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def table(
    content: str | bytes, name: str = "t.csv", form: TableForm = AS_USUAL, separator: str | None = None
) -> Call:
    """Write a table of labels, and read its rows."""

    def read() -> None:
        found = read_columns(written(name, content), NAMES, form)
        rows_from_columns(found, pa.array(["a"] * len(found)), subject=name, separator=separator)

    return read


def parquet(separator: str | None = None, **columns: Any) -> Call:
    """The same with a Parquet file."""

    def read() -> None:
        found = read_columns(written("t.parquet", pa.table(columns)), NAMES)
        rows_from_columns(found, pa.array(["a"] * len(found)), subject="t.parquet", separator=separator)

    return read


def folder(*tables: tuple[str, pa.Table]) -> Call:
    """A folder of these Parquet files, and no others."""

    def read() -> None:
        for old in Path("set").rglob("*.parquet"):
            old.unlink()
        for name, content in tables:
            written(f"set/{name}", content)
        read_columns("set", ("key", "label"))

    return read


def pictures(content: str, form: TableForm = AS_USUAL, **settings: Any) -> Call:
    """A table of pictures."""
    return lambda: len(ImageTable(written("p.csv", content), form=form, **settings).rows)


def run_file(**keys: Any) -> Call:
    """A run file with these keys in [data], opened."""

    def opened() -> None:
        written("t.csv", "path,label,cam\na.png,x,1\nb.png,y,1\n")
        spec = parse_spec({"data": {"kind": "table", "path": "t.csv", **keys}}, base=Path())
        open_data(spec.data).rows  # noqa: B018  # listed when first asked for

    return opened


def called(**names: str) -> TableForm:
    return TableForm(columns=tuple(names.items()))


ONE = pa.table({"key": ["a"], "label": ["x"]})
ONE_NUMBER = pa.table({"key": ["a"], "label": [1]})
WITHOUT_KEY = pa.table({"label": ["x"]})
SECRET = "path,label\nhttps://me:pw@host/a.png,x\n"

REFUSALS = {
    "a table of another kind": Refusal(
        lambda: read_columns(written("t.xls", ""), NAMES),
        "t.xls is neither .parquet nor .csv, .tsv, .csv.gz, .tsv.gz: convert it to one of them",
        table("label\nx\n"),
        table("label\nx\n", "t.tsv"),
        table(gzip.compress(b"label\nx\n"), "t.csv.gz"),
        parquet(label=["x"]),
    ),
    "no such file": Refusal(
        lambda: read_columns("gone.csv", NAMES),
        "gone.csv does not exist: correct its path",
        table("label\nx\n"),
    ),
    "ragged lines": Refusal(
        table("key,label\na,x\nb,y,z\n"), "restore it, or write it again", table('key,label\na,x\nb,"y,z"\n')
    ),
    "ragged lines far down": Refusal(
        table("key,label\n" + "a,x\n" * 400_000 + "b,y,z\n"),
        "restore it, or write it again",
        table("key,label\n" + "a,x\n" * 400_000),
    ),
    "damaged Parquet": Refusal(
        lambda: read_columns(written("t.parquet", b"PAR1 and no more"), NAMES),
        "restore it, or write it again",
        parquet(label=["x"]),
    ),
    "cut off gzip": Refusal(
        table(gzip.compress(b"label\nx\n")[:-9], "t.csv.gz"),
        "is not a whole gzip file",
        table(gzip.compress(b"label\nx\n"), "t.csv.gz"),
    ),
    "Latin-1": Refusal(
        table("label\ncafé\n".encode("latin-1")),
        "Latin-1, perhaps): save it as UTF-8",
        table("label\ncafé\n"),
    ),
    "UTF-16": Refusal(
        table("label\ntea\n".encode("utf-16-le")),
        "by its zero bytes: save it as UTF-8",
        table("label\ntea\n"),
    ),
    "twice": Refusal(
        table("label,label\nx,y\n"),
        "has 2 columns 'label': leave one, or rename the others",
        table("label\nx\n"),
        table("label,shade\nx,y\n"),
    ),
    "nearly the name": Refusal(
        table("Label \nx\n"),
        "has a column 'Label ', which would be ignored: call it 'label'",
        table("label\nx\n"),
    ),
    "both names": Refusal(
        table("label,labels\nx,y\n"),
        "has both columns label and labels: leave one, or rename the other",
        table("labels\ny\n"),
        table("label,shades\nx,y\n"),
    ),
    "a secret in a cell": Refusal(
        pictures(SECRET),
        "p.csv, column path or key has 1 URLs with credentials in them",
        pictures(SECRET.replace("me:pw@", "")),
    ),
    "no label": Refusal(
        table("key,kind\na,x\n"),
        'has no column "label" (found: key): add it, or give its own name: with data.columns in a run',
        table("key,label\na,x\n"),
        table("key,kind\na,x\n", form=called(label="kind")),
    ),
    "no first line": Refusal(
        table("a,x\nb,y\n"),
        "or give its own names: with data.columns in a run file, `--columns label=NAME` of `mine`",
        table("key,label\na,x\nb,y\n"),
        table("a,x\nb,y\n", form=called(key="a", label="x")),
    ),
    "semicolons": Refusal(
        table("key;label\na;x\n"),
        "put ',' between its cells, or name ';': as data.separator in a run file, --separator of `mine`",
        table("key,label\na,x\n"),
        table("key;label\na;x\n", form=TableForm(";")),
    ),
    "commas for tabs": Refusal(
        table("key,label\na,x\n", "t.tsv"),
        "put '\\t' between its cells, or name ',': as data.separator in a run file, --separator of `mine`",
        table("key\tlabel\na\tx\n", "t.tsv"),
        table("key,label\na,x\n", "t.tsv", TableForm(",")),
    ),
    "a name that is not there": Refusal(
        table("kind\nx\n", form=called(label="kinds")),
        "columns gives for 'label' (it has kind): correct the name",
        table("kind\nx\n", form=called(label="kind")),
    ),
    "a column of other values": Refusal(
        lambda: as_strings(pa.array([[1], [2]]), subject="keys"),
        "keys has values of type list<item: int64>, which are not names",
        lambda: as_strings(pa.array(["1", "2"]), subject="keys"),
    ),
    "no numbers": Refusal(
        lambda: as_numbers(
            pa.array(["1", "b"]), pa.int64(), subject="rows", wanted="row", remedy="give rows"
        ),
        "rows has a value that is not a row",
        lambda: as_numbers(
            pa.array(["1", "2"]), pa.int64(), subject="rows", wanted="row", remedy="give rows"
        ),
    ),
    "a separator for lists": Refusal(
        parquet("|", label=[["x"], ["y", "z"]]),
        "has lists of labels: remove data.label_separator",
        parquet(None, label=[["x"], ["y", "z"]]),
    ),
    "fractions": Refusal(
        parquet(label=[1.0, 2.5]),
        "store whole numbers or strings",
        parquet(label=[1, 2]),
        parquet(label=["1.0", "2.5"]),
    ),
    "empty labels": Refusal(
        table("key,label\na,x\nb, \n"),
        "has 1 empty labels, the first as number 1 (from 0): give every row a label, or leave those rows out",
        table("key,label\na,x\nb,y\n"),
        table("key,label\na,x\n"),
    ),
    "empty lists": Refusal(
        parquet(label=[["x"], []]),
        "has 1 empty labels",
        parquet(label=[["x"], ["y"]]),
        parquet(label=[["x"]]),
    ),
    "no split": Refusal(
        table("label,split\nx,train\ny,\n"),
        "has 1 rows without a split: fill the column, or drop it",
        table("label,split\nx,train\ny,test\n"),
        table("label\nx\ny\n"),
    ),
    "another split": Refusal(
        table("label,split\nx,train\ny,dev\n"),
        "has 'dev' in row 1 (from 0) but known are train, training, val, valid, validation, test, testing: use one of",
        *(
            table(f"label,split\nx,train\ny,{name}\n")
            for name in ("train", "training", "val", "valid", "validation", "test", "testing")
        ),
    ),
    "another role": Refusal(
        table("label,role\nx,asked\n"),
        "known are query, gallery: use one of them",
        table("label,role\nx,query\n"),
        table("label,role\nx,gallery\n"),
    ),
    "no key": Refusal(
        lambda: check_keys(pa.array(["a", " "]), subject="t.csv"),
        "t.csv has 1 rows without a key: give each its own",
        lambda: check_keys(pa.array(["a", "b"]), subject="t.csv"),
    ),
    "one key for two": Refusal(
        lambda: check_keys(pa.array(["a", "a"]), subject="t.csv"),
        "t.csv has 2 rows with the key 'a' but keys must be unique: list each item once",
        lambda: check_keys(pa.array(["a"]), subject="t.csv"),
    ),
    "files with other columns": Refusal(
        folder(("a.parquet", ONE), ("b.parquet", WITHOUT_KEY)),
        "b.parquet has no column 'key', which set/a.parquet has: write all files alike",
        folder(("a.parquet", ONE), ("b.parquet", ONE)),
    ),
    "files with other types": Refusal(
        folder(("a.parquet", ONE), ("b.parquet", ONE_NUMBER)),
        "b.parquet has 'label' as int64, and set/a.parquet as string: write all files alike",
        folder(("a.parquet", ONE), ("b.parquet", ONE)),
    ),
    "values in names of folders": Refusal(
        folder(("label=x/a.parquet", ONE)),
        "has values in the names of folders, such as label=x: write them into the files",
        folder(("a.parquet", ONE)),
    ),
    "no file in a folder": Refusal(
        lambda: (Path("empty.parquet").mkdir(), read_columns("empty.parquet", NAMES)),
        "is a folder without a Parquet file (.parquet, .pq): name another",
        folder(("a.parquet", ONE)),
    ),
    "no path": Refusal(
        pictures("photo,label\na.png,x\n"),
        'add the path of the image of each row, or give its own name with data.columns: { path = "photo" }',
        pictures("path,label\na.png,x\n"),
        pictures("photo,label\na.png,x\n", called(path="photo")),
    ),
    "an empty path": Refusal(
        pictures("path,label\na.png,x\n,y\n"),
        "p.csv has 1 rows without a path: give them one",
        pictures("path,label\na.png,x\nb.png,y\n"),
    ),
    "no rows": Refusal(
        pictures("path,label\n"),
        "p.csv has no rows: list the images in it",
        pictures("path,label\na.png,x\n"),
    ),
    "pictures of this machine": Refusal(
        pictures("path,label\nhttp://localhost/a.png,x\n"),
        "take it out, or set data.allow_local_urls = true",
        pictures("path,label\na.png,x\n"),
        pictures("path,label\nhttp://localhost/a.png,x\n", allow_local_urls=True),
    ),
    "a separator of two characters": Refusal(
        run_file(separator=";;"),
        "data.separator is ';;' but must be one ASCII character",
        run_file(separator=","),
        run_file(),
    ),
    "a column that nobody reads": Refusal(
        run_file(columns={"lable": "label"}),
        "data.columns has lable but may only have path, vector, key, label, split, role, group: remove it",
        run_file(columns={"label": "label"}),
        run_file(),
    ),
    "one column for two": Refusal(
        run_file(columns={"label": "label", "group": "label"}),
        "data.columns has 'label' twice: name a different column of the file for each key",
        run_file(columns={"label": "label", "group": "cam"}),
    ),
    "credentials in a path": Refusal(
        lambda: locate("https://me:pw@host/t.csv", Path()),
        "https://…@host/t.csv has credentials in it, which would be recorded: take them out",
        lambda: locate("https://host/t.csv", Path()),
    ),
    "a folder for a file": Refusal(
        lambda: (Path("t.csv").mkdir(), read_bytes("t.csv")),
        "t.csv is a folder, not a file: restore the file, or correct the path",
        lambda: read_bytes(written("other.csv", "label\n")),
        lambda: (Path("t.csv").rmdir(), read_bytes(written("t.csv", "label\n"))),
    ),
    "a file that went away": Refusal(
        lambda: stamp("gone.png"),
        "gone.png does not exist: correct its path",
        lambda: stamp(written("a.png", "")),
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refusal.require(DataError)


class Guarded(AbstractFileSystem):
    """A file system that asks for a password."""

    protocol = "guarded"

    def __init__(self, password: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.password = password

    def _open(self, path: str, *arguments: Any, **options: Any) -> Any:
        if self.password != "pw":
            raise PermissionError("no password")
        return io.BytesIO(b"label\nx\n")


class Shelf(Guarded):
    """One that asks for none."""

    protocol = "shelf"

    def __init__(self) -> None:
        super().__init__("pw")


@pytest.mark.parametrize("environment", [False, True], ids=["configuration", "environment"])
def test_credentials_are_given_to_fsspec(environment: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("guarded", Guarded, clobber=True)
    remedy = "take them out, and give them to fsspec by its configuration or by the environment"
    with pytest.raises(DataError, match=remedy):
        locate("guarded://t.csv?password=pw", Path())
    location = locate("guarded://t.csv", Path())
    with pytest.raises(DataError, match="PermissionError: no password: let this user read it"):
        read_columns(location, NAMES)
    given: dict[str, Any] = {} if environment else {"guarded": {"password": "pw"}}
    set_conf_env(given, {"FSSPEC_GUARDED_PASSWORD": "pw"} if environment else {})
    monkeypatch.setitem(conf, "guarded", given["guarded"])
    assert read_columns(location, NAMES)["label"].to_pylist() == ["x"]


def test_a_package_that_is_missing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = {"class": "shelffs.Shelf", "err": "Install shelffs to open shelves"}
    monkeypatch.setitem(known_implementations, "shelf", shelf)
    with pytest.raises(DataError, match=r"not installed \(ImportError: Install shelffs .*\): install it"):
        read_columns("shelf://t.csv", NAMES)
    monkeypatch.setitem(sys.modules, "shelffs", SimpleNamespace(Shelf=Shelf))
    assert read_columns("shelf://t.csv", NAMES)["label"].to_pylist() == ["x"]
