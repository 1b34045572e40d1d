"""Tables of image paths: CSV and Parquet, local and behind URLs."""

import pickle
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.rows import RunRows, build_rows, check_keys
from tripletmine.pipeline.data.table import ImageTable
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.runfile.data_spec import DataSpec


@pytest.fixture
def table_of(image_folder: Path) -> Callable[[str], str]:
    """Write a CSV table beside the pictures of `image_folder`."""

    def write(text: str) -> str:
        path = image_folder / "table.csv"
        path.write_text(text)
        return str(path)

    return write


def write_parquet(folder: Path, **columns: object) -> str:
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_csv_with_all_columns(table_of: Callable[[str], str]):
    location = table_of(
        "label,camera,path,split,role,group\n"
        "007,x,dog/21.png,train,,c1\n"
        "7,y,cat/10.png,Test,query,c2\n"
        "0x1,z,cat/11.png,val,gallery,\n"
    )
    data = ImageTable(location)
    rows = data.rows
    assert rows.keys.to_pylist() == ["dog/21.png", "cat/10.png", "cat/11.png"]
    assert rows.labels.to_pylist() == ["007", "7", "0x1"]  # strings as written, not numbers
    assert rows.splits is not None
    assert rows.splits.to_pylist() == ["train", "test", "validation"]
    assert rows.roles is not None
    assert rows.roles.to_pylist() == [None, "query", "gallery"]
    assert rows.groups is not None
    assert rows.groups.to_pylist() == ["c1", "c2", None]
    assert data.read([2, 0])[:, 0, 0, 1].tolist() == [11, 21]
    assert pickle.loads(pickle.dumps(data)).read([0])[0, 0, 0, 1] == 21


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_byte_order_mark_is_no_part_of_a_name(table_of: Callable[[str], str], quote: str):
    rows = ImageTable(table_of(f"\ufeff{quote}path{quote},label\ncat/10.png,cat\n")).rows
    assert rows.keys.to_pylist() == ["cat/10.png"]
    assert rows.labels.to_pylist() == ["cat"]


def test_a_path_has_one_form(table_of: Callable[[str], str]):
    data = ImageTable(table_of("path,label\n./dog/21.png,dog\ncat//./10.png,cat\nhttp://a//b.png,x\n"))
    assert data.rows.keys.to_pylist() == ["dog/21.png", "cat/10.png", "http://a//b.png"]
    assert data.read([1, 0])[:, 0, 0, 1].tolist() == [10, 21]
    twice = ImageTable(table_of("path,label\n./dog/21.png,dog\ndog/21.png,dog\n"))
    with pytest.raises(DataError, match=r"has 2 rows with the key 'dog/21\.png'"):
        check_keys(twice.rows.keys, subject="images.csv")


def test_a_run_goes_on_whatever_form_it_kept_paths_in(table_of: Callable[[str], str]):
    """Earlier versions kept them as the table had them."""
    names = ("./dog/20.png", "./dog/21.png", "./cat/10.png", "./cat/11.png")
    lines = [
        f"{name},{name[2:5]},{split}"
        for name, split in zip(names, ["train", "train", "train", "val"], strict=True)
    ]
    data = ImageTable(table_of("\n".join(["path,label,split", *lines])))
    table = build_rows(data, DataSpec.model_validate({"kind": "table", "path": "x"}), seed=0)
    place = table.schema.get_field_index("key")
    before = RunRows(
        table.set_column(place, "key", pa.array([f"./{key}" for key in table["key"].to_pylist()]))
    )
    before.check(data)
    assert before.difference(data) is None
    assert data.file_lists()[""].names.to_pylist() == list(names)


def test_csv_with_several_labels(table_of: Callable[[str], str]):
    location = table_of("path,label\ncat/10.png,cat | small\ndog/20.png,dog\n")
    rows = ImageTable(location, label_separator="|").rows
    assert rows.multi_label
    assert rows.labels.to_pylist() == [["cat", "small"], ["dog"]]
    assert ImageTable(location).rows.labels.to_pylist() == ["cat | small", "dog"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array([3, 4]), ["3", "4"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array([[1, 2], [3]]), [["1", "2"], ["3"]]),
        (pa.array([["b", "a"], ["b"]], pa.large_list(pa.string())), [["b", "a"], ["b"]]),
    ],
)
def test_parquet_labels(image_folder: Path, labels: pa.Array, expected: object):
    location = write_parquet(image_folder, path=["cat/10.png", "dog/20.png"], label=labels)
    assert ImageTable(location).rows.labels.to_pylist() == expected


def test_paths_may_be_absolute(image_folder: Path, tmp_path: Path):
    location = write_parquet(tmp_path, path=[str(image_folder / "cat/10.png")], label=["cat"])
    assert ImageTable(location).read([0])[0, 0, 0, 1] == 10


@pytest.fixture
def remote(image_folder: Path) -> Iterator[str]:
    """The pictures in fsspec's memory file system."""
    files = fsspec.filesystem("memory")
    root = f"/{uuid.uuid4()}"
    for path in image_folder.rglob("*.png"):
        files.pipe(f"{root}/{path.relative_to(image_folder).as_posix()}", path.read_bytes())
    yield f"memory:/{root}"
    files.rm(root, recursive=True)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_table_and_images_behind_a_url(remote: str, kind: str):
    location = f"{remote}/table.{kind}"
    opened: Any = fsspec.open(location, "wb")
    with opened as handle:
        if kind == "csv":
            handle.write(b"path,label\ncat/12.png,cat\ndog/20.png,dog\n")
        else:
            pq.write_table(pa.table({"path": ["cat/12.png", "dog/20.png"], "label": ["cat", "dog"]}), handle)
    data = ImageTable(location)
    assert data.rows.labels.to_pylist() == ["cat", "dog"]
    assert data.read([1, 0])[:, 0, 0, 1].tolist() == [20, 12]
    before = data.identity()
    fsspec.filesystem("memory").pipe(f"{remote}/cat/12.png".removeprefix("memory:/"), b"other")
    assert ImageTable(location).identity() != before


def test_images_behind_urls_in_a_local_table(remote: str, image_folder: Path):
    location = write_parquet(
        image_folder, path=[f"{remote}/cat/11.png", f"file://{image_folder}/dog/21.png"], label=["cat", "dog"]
    )
    assert ImageTable(location).read([0, 1])[:, 0, 0, 1].tolist() == [11, 21]


def test_local_images_in_a_table_behind_a_url(remote: str, image_folder: Path):
    location = f"{remote}/table.csv"
    opened: Any = fsspec.open(location, "w")
    with opened as handle:
        handle.write(f"path,label\n{image_folder}/cat/11.png,cat\n")
    assert ImageTable(location).read([0])[0, 0, 0, 1] == 11


def test_csv_labels_that_are_all_numbers_stay_as_written(table_of: Callable[[str], str]):
    location = table_of("path,label\ncat/10.png,007\ndog/20.png,7\n")
    assert ImageTable(location).rows.labels.to_pylist() == ["007", "7"]


def test_a_table_in_a_zip_archive(image_folder: Path, tmp_path: Path):
    archive = tmp_path / "pets.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("set/table.csv", "path,label\ncat/10.png,cat\n")
        content.write(image_folder / "cat" / "10.png", "set/cat/10.png")
    assert ImageTable(f"zip://set/table.csv::{archive}").read([0])[0, 0, 0, 1] == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path\ncat/10.png\n", 'has no column "label" .found: path.'),
        ("label\ncat\n", 'has no column "path"'),
        ("path,label\n", "has no rows"),
        ("", "table.csv cannot be read"),
        ("path,label\ncat/10.png,cat,3\n", "table.csv cannot be read"),
        ("path,label\na.png,x\nb.png,\n", r"has 1 empty labels, the first as number 1 \(from 0\)"),
        ("path,label\na.png,x\n,y\n", "has 1 rows without a path"),
        (
            "path,label,split\na,x,train\nb,y,dev\n",
            r"has 'dev' in row 1 \(from 0\) but known are train, training, val, ",
        ),
        ("path,label,split\na,x,train\nb,y,\n", "has 1 rows without a split"),
        ("path,label,role\na,x,probe\n", "has 'probe' in row 0 .* but known are query, gallery"),
    ],
)
def test_bad_tables(table_of: Callable[[str], str], text: str, message: str):
    with pytest.raises(DataError, match=message):
        len(ImageTable(table_of(text)).rows)


@pytest.mark.parametrize(
    ("labels", "separator", "message"),
    [
        (pa.array([1.0, 2.0]), None, "labels of type double"),
        (pa.array([["a"], []], pa.list_(pa.string())), None, "has 1 empty labels, the first as number 1"),
        (pa.array([["a"], None]), None, "has 1 empty labels, the first as number 1"),
        (pa.array([["a"], ["b", None]]), None, "has 1 empty labels, the first as number 2"),
        (pa.array([["a"], ["b"]]), "|", "remove data.label_separator"),
        (pa.array(["a|", "b"]), "|", "has 1 empty labels"),
        (pa.array([{"a": 1}, {"a": 2}]), None, "which are not names"),
    ],
)
def test_bad_labels(image_folder: Path, labels: pa.Array, separator: str | None, message: str):
    location = write_parquet(image_folder, path=["cat/10.png", "dog/20.png"], label=labels)
    with pytest.raises(DataError, match=message):
        len(ImageTable(location, label_separator=separator).rows)


def test_missing_and_unknown_files(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.csv does not exist"):
        len(ImageTable(str(tmp_path / "none.csv")).rows)
    with pytest.raises(DataError, match=r"none\.parquet does not exist"):
        len(ImageTable("memory://nowhere/none.parquet").rows)
    with pytest.raises(DataError, match=r"neither .parquet nor .csv"):
        len(ImageTable(str(tmp_path / "table.xlsx")).rows)
    (tmp_path / "table.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match=r"table\.parquet cannot be read"):
        len(ImageTable(str(tmp_path / "table.parquet")).rows)
    with pytest.raises(DataError, match=r"unheard://x.csv cannot be read.*unheard"):
        len(ImageTable("unheard://x.csv").rows)
