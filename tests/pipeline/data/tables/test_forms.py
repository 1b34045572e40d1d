"""Tables in other people's forms: tabs, gzip, separators, columns of other names, tensors."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.columns import read_columns
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.data.tables import text
from tripletmine.pipeline.data.tables.form import TableForm
from tripletmine.pipeline.errors import DataError, SpecError
from tripletmine.pipeline.runfile.load import parse_spec
from versions import tensors_may_be_empty

LINES = "key{0}category{0}cam\n1{0}007{0}a\n2{0}7{0}\n"
RENAMED = TableForm(columns=(("group", "cam"), ("label", "category")))
NAMES = ("key", "label", "split", "group")


def write(path: Path, content: str) -> str:
    path.write_bytes(gzip.compress(content.encode()) if path.suffix.lower() == ".gz" else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "separator", "given"),
    [
        ("t.csv", ",", None),
        ("t.tsv", "\t", None),
        ("T.TSV.GZ", "\t", None),
        ("t.csv.gz", ",", None),
        ("t.csv", ";", ";"),
        ("t.tsv", "|", "|"),
    ],
)
def test_text_tables_are_the_same_in_every_form(tmp_path: Path, name: str, separator: str, given) -> None:
    location = write(tmp_path / name, LINES.format(separator))
    found = read_columns(location, NAMES, TableForm(given, RENAMED.columns))
    assert found.to_pydict() == {"key": ["1", "2"], "label": ["007", "7"], "group": ["a", None]}


def test_columns_of_parquet_keep_their_types_under_our_names(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"category": [7, 8], "label": ["x", "y"], "cam": ["a", None]}), tmp_path / "t.parquet"
    )
    found = read_columns(str(tmp_path / "t.parquet"), NAMES, RENAMED)
    assert found.to_pydict() == {"label": [7, 8], "group": ["a", None]}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_the_separator_that_a_file_seems_to_have_is_the_remedy(tmp_path: Path, separator: str) -> None:
    location = write(tmp_path / "t.csv", LINES.format(separator))
    with pytest.raises(
        DataError, match=r"t\.csv has none of the columns .*: put ',' between its cells, .* '.{1,2}'"
    ):
        read_columns(location, NAMES)
    assert read_columns(location, NAMES, TableForm(separator)).column_names == ["key"]


def test_a_column_that_is_named_and_not_there(tmp_path: Path) -> None:
    location = write(tmp_path / "t.csv", LINES.format(","))
    form = TableForm(columns=(("label", "categroy"),))
    with pytest.raises(
        DataError, match=r"no column 'categroy', which columns gives for 'label' \(it has key, cat"
    ):
        read_columns(location, NAMES, form)


def test_a_gzip_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(LINES.format(",").encode() * 1000)
    for content in (whole[:-9], whole[:40], b"key,label\n1,a\n"):
        (tmp_path / "t.csv.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"t\.csv\.gz is not a whole gzip file .*restore it"):
            read_columns(str(tmp_path / "t.csv.gz"), NAMES)


def test_what_unpacks_to_more_than_the_memory_is_refused_on_the_way(tmp_path: Path, monkeypatch) -> None:
    def little(nbytes: int, subject: str, what: str) -> None:
        if nbytes > 1 << 26:
            raise DataError(f"{subject} needs {nbytes} for {what}")

    monkeypatch.setattr(text, "require_memory", little)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(bytes(1 << 28)))
    with pytest.raises(DataError, match=r"50,331,648 bytes unpacked so far"):
        read_columns(str(tmp_path / "t.csv.gz"), NAMES)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("separator", ";;", r"data.separator is ';;' but must be one ASCII character"),
        ("separator", '"', "data.separator is"),
        ("separator", "ü", "data.separator is"),
        ("columns", {"lable": "a"}, "data.columns has lable but may only have path, vector, key, label"),
        ("columns", {"label": "a", "key": "a"}, "data.columns has 'a' twice"),
    ],
)
def test_forms_that_cannot_be_meant(tmp_path: Path, key: str, value, message: str) -> None:
    spec = parse_spec({"data": {"kind": "table", "path": "t.csv", key: value}}, base=tmp_path)
    with pytest.raises(DataError, match=message):
        open_data(spec.data, tmp_path)


def test_the_form_is_for_tables_only(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r'data\.separator is .* but data\.kind is "digits"'):
        parse_spec({"data": {"kind": "digits", "separator": ";"}}, base=tmp_path)


def test_vectors_and_labels_by_the_names_that_they_have(tmp_path: Path) -> None:
    vectors = np.eye(3, dtype=np.float32)
    np.savez(tmp_path / "a.npz", clip=vectors, other=vectors + 1, kinds=np.array(["a", "b", "a"]))
    form = TableForm(columns=(("label", "kinds"), ("vector", "clip")))
    found = Arrays(str(tmp_path / "a.npz"), form=form)
    np.testing.assert_array_equal(found.read_stored(), vectors)
    assert found.rows.labels.to_pylist() == ["a", "b", "a"]
    with pytest.raises(
        DataError, match=r"has the arrays clip, kinds, other: call one klip|clip, other, kinds: call one klip"
    ):
        len(Arrays(str(tmp_path / "a.npz"), form=TableForm(columns=(("vector", "klip"),))))


def test_tensor_columns_are_vectors_or_images(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    table = pa.table({"pixels": pa.FixedShapeTensorArray.from_numpy_ndarray(images), "label": ["a", "b"]})
    pq.write_table(table, tmp_path / "t.parquet")
    found = Arrays(str(tmp_path / "t.parquet"))
    assert found.item_shape == (3, 4)
    np.testing.assert_array_equal(found.read([1, 0]), images[::-1])


@tensors_may_be_empty
def test_a_tensor_column_with_an_empty_cell_is_refused(tmp_path: Path) -> None:
    kind = pa.fixed_shape_tensor(pa.float32(), [2])
    storage = pa.array([[1, 2], None], pa.list_(pa.float32(), 2))
    column = pa.ExtensionArray.from_storage(kind, storage)
    pq.write_table(pa.table({"vector": column, "label": ["a", "b"]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="empty cells"):
        len(Arrays(str(tmp_path / "t.parquet")))
