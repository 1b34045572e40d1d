"""Tables whose columns would be read differently from what they mean."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.base import SourceRows
from tripletmine.pipeline.data.table import ImageTable
from tripletmine.pipeline.errors import DataError


def rows_of_csv(folder: Path, content: str | bytes) -> SourceRows:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return ImageTable(str(path)).rows


def rows_of_parquet(folder: Path, **columns: Any) -> SourceRows:
    path = folder / "table.parquet"
    pq.write_table(pa.table(columns), path)
    return ImageTable(str(path)).rows


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,label, split", "table.csv has a column ' split', which would be ignored: call it 'split'"),
        ("path,Label,split", "table.csv has a column 'Label', which would be ignored: call it 'label'"),
        ("Path,label,split", "table.csv has a column 'Path', which would be ignored: call it 'path'"),
        ("path,label,GROUP ", "table.csv has a column 'GROUP ', which would be ignored: call it 'group'"),
        ("path,label,labels", "table.csv has both columns label and labels: leave one, or rename the other"),
        ("path,label,label", "table.csv has 2 columns 'label': leave one, or rename the others"),
    ],
)
def test_columns_that_would_be_left_out_or_mixed_up(tmp_path: Path, header: str, message: str):
    with pytest.raises(DataError, match=message):
        rows_of_csv(tmp_path, f"{header}\na.png,cat,test\n")


def test_no_line_of_names(tmp_path: Path):
    with pytest.raises(
        DataError, match=r"its first line says: a\.png, two lines\): begin it with a line of column names"
    ):
        rows_of_csv(tmp_path, 'a.png,"two\nlines"\nb.png,c\n')


def test_columns_twice_in_parquet(tmp_path: Path):
    names = pa.array(["a"])
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table([names, names, names], names=["path", "label", "label"]), path)
    with pytest.raises(DataError, match="has 2 columns 'label'"):
        _ = ImageTable(str(path)).rows


def test_columns_of_the_users_own_are_left_alone(tmp_path: Path):
    rows = rows_of_csv(tmp_path, "path,label,Label,x,x,Key\na.png,cat,CAT,1,2,3\n")
    assert rows.labels.to_pylist() == ["cat"]
    assert rows.splits is None


def test_a_header_that_is_not_utf8(tmp_path: Path):
    with pytest.raises(DataError, match=r"table\.csv is not UTF-8 \(byte 13 is 0xf6.*: save it as UTF-8"):
        rows_of_csv(tmp_path, "path,label,größe\na.png,cat,1\n".encode("latin-1"))


def test_line_breaks_in_quotes_wherever_a_block_of_the_file_ends(tmp_path: Path):
    """Arrow reads a MiB at a time."""
    count = 30_000
    lines = [f'{row}.png,{row % 7},"{"caption" * (row % 11)}\n{row},x"' for row in range(count)]
    rows = rows_of_csv(tmp_path, "\n".join(["path,label,caption", *lines]))
    assert rows.keys.to_pylist() == [f"{row}.png" for row in range(count)]
    assert rows.labels.to_pylist() == [str(row % 7) for row in range(count)]


@pytest.mark.parametrize("name", ["path", "split", "role", "group"])
@pytest.mark.parametrize(
    "values", [pa.array([["a"]]), pa.array([{"a": 1}]), pa.array([b"\xff"])], ids=["list", "struct", "bytes"]
)
def test_columns_of_other_types(tmp_path: Path, name: str, values: pa.Array):
    columns = {"path": ["a.png"], "label": ["cat"], name: values}
    with pytest.raises(DataError, match=rf'column "{name}" has values of type .*: store them as strings'):
        rows_of_parquet(tmp_path, **columns)


def test_keys_of_another_type(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"x": [[1.0], [2.0]], "label": ["a", "b"], "key": [["k"], ["l"]]}), path)
    with pytest.raises(DataError, match=r'column "key" has values of type list.*: store them as strings'):
        _ = Arrays(str(path)).rows
