"""Folders of Parquet files, read as pandas reads them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
import zarr
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.columns import is_table, read_columns
from tripletmine.pipeline.data.table import ImageTable
from tripletmine.pipeline.errors import DataError

ROWS = 60


@pytest.fixture(params=["items", "items.parquet"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Three files, the second in a subfolder and with its columns in another order, beside files without rows."""
    path = tmp_path / request.param
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "key": [f"k{row}" for row in range(ROWS)],
            "label": [f"c{row % 4}" for row in range(ROWS)],
            "embedding": list(random.normal(size=(ROWS, 5)).astype(np.float32)),
        }
    )
    (path / "b").mkdir(parents=True)
    pq.write_table(table.slice(0, 25), path / "a.parquet")
    pq.write_table(table.slice(25, 25).select(["label", "embedding", "key"]), path / "b" / "part-00001.pq")
    pq.write_table(table.slice(50), path / "c.parquet")
    pq.write_table(table, path / "_metadata.parquet")
    pq.write_table(table, path / ".hidden.parquet")
    (path / "README.txt").write_text("not a table")
    return path


def test_the_files_are_one_set_of_vectors(folder: Path) -> None:
    data = Arrays(str(folder))
    parts = [pd.read_parquet(folder / name) for name in ("a.parquet", "b/part-00001.pq", "c.parquet")]
    expected = pd.concat(parts, ignore_index=True)
    assert data.rows.keys.to_pylist() == expected["key"].tolist()
    assert data.rows.labels.to_pylist() == expected["label"].tolist()
    np.testing.assert_array_equal(data.read(range(ROWS)), np.stack(expected["embedding"].tolist()))
    assert data.identity()["vectors"]["files"] == 6


def test_the_files_are_labels_beside_an_array(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(ROWS, 5)))
    assert is_table(str(folder))
    found = tm.mine_files(tmp_path / "x.npy", folder, tmp_path / "out", normalise=True)
    assert (found.rows, found.classes) == (ROWS, 4)
    assert tm.read_triplets(tmp_path / "out").to_pandas()["anchor_key"].str.startswith("k").all()


def test_the_files_are_a_table_of_pictures(image_folder: Path) -> None:
    path = image_folder / "table"
    path.mkdir()
    for number, name in enumerate(("dog/21.png", "cat/10.png")):
        pq.write_table(pa.table({"path": [name], "label": [name[:3]]}), path / f"{number}.parquet")
    data = ImageTable(str(path))
    assert data.rows.labels.to_pylist() == ["dog", "cat"]
    assert data.read([0, 1])[:, 0, 0, 1].tolist() == [21, 10]


def test_files_that_are_not_alike_are_refused(folder: Path) -> None:
    other = folder / "d.parquet"
    pq.write_table(pa.table({"label": ["c0"], "embedding": [[0.0] * 5]}), other)
    with pytest.raises(
        DataError, match=r"d\.parquet has no column 'key', which .*a\.parquet has: write all files"
    ):
        read_columns(str(folder), ("key", "label"))
    pq.write_table(pa.table({"label": [1]}), other)
    with pytest.raises(DataError, match=r"d\.parquet has 'label' as int64, and .*a\.parquet as string"):
        read_columns(str(folder), ("label",))


def test_values_in_the_names_of_folders_are_refused(tmp_path: Path) -> None:
    for label in ("007", "7"):
        (tmp_path / "set" / f"label={label}").mkdir(parents=True)
        path = tmp_path / "set" / f"label={label}" / "part.parquet"
        pq.write_table(pa.table({"embedding": [[0.0, 1.0]]}), path)
    with pytest.raises(
        DataError, match=r"values in the names of folders, such as label=007: write them into the files"
    ):
        Arrays(str(tmp_path / "set")).read([0])


def test_folders_that_are_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "empty.parquet").mkdir()
    with pytest.raises(DataError, match="is a folder without a Parquet file"):
        Arrays(str(tmp_path / "empty.parquet")).read([0])
    for name in ("arrays", "arrays.zarr"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "x.npy", np.eye(3))
        with pytest.raises(DataError, match="is a folder with neither a Zarr array nor Parquet files in it"):
            Arrays(str(tmp_path / name)).read([0])
    group = zarr.create_group(tmp_path / "x")
    group.create_array("embeddings", data=np.eye(3))
    pq.write_table(pa.table({"embedding": [[0.0, 1.0]]}), tmp_path / "x" / "embeddings" / "beside.parquet")
    np.testing.assert_array_equal(Arrays(str(tmp_path / "x")).read([0, 1, 2]), np.eye(3))


@pytest.mark.parametrize("read", [lambda path: Arrays(path).rows, lambda path: Arrays(path).content])
def test_a_damaged_name_of_a_column_is_told_of_the_file(
    tmp_path: Path, read: Callable[[str], object]
) -> None:
    """pyarrow raises a UnicodeDecodeError, which is no ArrowException."""
    path = tmp_path / "vectors.parquet"
    columns = {"embedding": [[0.0, 1.0], [1.0, 0.0]], "label": ["a", "b"], "remarks": ["x", "y"]}
    pq.write_table(pa.table(columns), path)
    path.write_bytes(path.read_bytes().replace(b"remarks", b"\x80emarks"))
    with pytest.raises(DataError, match=r"vectors.parquet cannot be read: .*: restore it, or write it again"):
        read(str(path))
