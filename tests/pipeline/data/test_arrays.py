"""Ready-made vectors in .npy, .npz, Zarr and Parquet files."""

import pickle
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from numpy.typing import NDArray
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.errors import DataError

Vectors = NDArray[np.float32]
ROWS, WIDTH = 7, 3
LABELS = ["a", "b", "a", "c", "b", "a", "c"]


@pytest.fixture
def vectors() -> Vectors:
    return np.random.default_rng(0).standard_normal((ROWS, WIDTH), dtype=np.float32)


def write_npy(path: Path, vectors: Vectors) -> None:
    np.save(path.with_suffix(".npy"), vectors)


def write_npz(path: Path, vectors: Vectors) -> None:
    np.savez(path.with_suffix(".npz"), embeddings=vectors, labels=np.array(LABELS))


def write_zarr(path: Path, vectors: Vectors) -> None:
    array = zarr.create_array(
        path.with_suffix(".zarr"), shape=vectors.shape, chunks=(2, WIDTH), dtype=vectors.dtype
    )
    array[:] = vectors


def write_zarr_group(path: Path, vectors: Vectors) -> None:
    group = zarr.create_group(path.with_suffix(".zarr"))
    group.create_array("embeddings", data=vectors)
    group.create_array("labels", data=np.array([ord(label) for label in LABELS]))


def write_parquet(path: Path, vectors: Vectors) -> None:
    table = {"embedding": list(vectors), "label": LABELS, "key": [f"k{row}" for row in range(len(vectors))]}
    pq.write_table(pa.table(table), path.with_suffix(".parquet"), row_group_size=3)


def write_fixed(path: Path, vectors: Vectors) -> None:
    column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])
    pq.write_table(pa.table({"x": column, "label": LABELS}), path.with_suffix(".parquet"))


Writer = Callable[[Path, Vectors], None]
WITH_LABELS = (write_npz, write_zarr_group, write_parquet, write_fixed)


def write(folder: Path, writer: Writer, vectors: Vectors) -> str:
    writer(folder / "vectors", vectors)
    (path,) = folder.glob("vectors.*")
    return str(path)


@pytest.mark.parametrize("writer", [write_npy, write_zarr, *WITH_LABELS])
def test_items_of_every_format(tmp_path: Path, vectors: Vectors, writer: Writer):
    data = Arrays(write(tmp_path, writer, vectors))
    order = [6, 0, 3, 3, 1]
    for opened in (data, pickle.loads(pickle.dumps(data))):
        items = opened.read(order)
        assert items.dtype == opened.dtype == np.float32
        assert opened.item_shape == (WIDTH,)
        np.testing.assert_array_equal(items, vectors[order])


@pytest.mark.parametrize("writer", WITH_LABELS)
def test_labels_in_the_same_file(tmp_path: Path, vectors: Vectors, writer: Writer):
    rows = Arrays(write(tmp_path, writer, vectors)).rows
    expected = [str(ord(label)) for label in LABELS] if writer is write_zarr_group else LABELS
    assert rows.labels.to_pylist() == expected
    prefix = "k" if writer is write_parquet else ""
    assert rows.keys.to_pylist() == [f"{prefix}{row}" for row in range(ROWS)]


def labels_npy(folder: Path) -> Path:
    np.save(folder / "labels.npy", np.array(LABELS))
    return folder / "labels.npy"


def labels_bytes(folder: Path) -> Path:
    np.savez(folder / "labels.npz", y=np.array(LABELS, dtype="S"))
    return folder / "labels.npz"


def labels_csv(folder: Path) -> Path:
    (folder / "labels.csv").write_text("\n".join(["label,split", *(f"{label},train" for label in LABELS)]))
    return folder / "labels.csv"


def labels_zarr(folder: Path) -> Path:
    zarr.create_array(folder / "labels.zarr", data=np.array([ord(label) for label in LABELS]))
    return folder / "labels.zarr"


@pytest.mark.parametrize("write_labels", [labels_npy, labels_bytes, labels_csv, labels_zarr])
def test_labels_in_a_file_of_their_own(
    tmp_path: Path, vectors: Vectors, write_labels: Callable[[Path], Path]
):
    labels = write_labels(tmp_path)
    rows = Arrays(write(tmp_path, write_npy, vectors), str(labels)).rows
    assert rows.labels.to_pylist() == ([str(ord(x)) for x in LABELS] if labels.suffix == ".zarr" else LABELS)
    assert (rows.splits is not None) is (labels.suffix == ".csv")


@pytest.mark.parametrize("dtype", [">i8", ">i4", ">u2", "<i8", "i1", ">U1", "S1"])
def test_labels_of_any_machine(tmp_path: Path, vectors: Vectors, dtype: str):
    """Also if the bytes of a number come in the other order."""
    np.save(tmp_path / "x.npy", vectors.astype(">f8"))
    np.save(tmp_path / "y.npy", np.array([1, 2, 1, 3, 2, 1, 3]).astype(dtype))
    data = Arrays(str(tmp_path / "x.npy"), str(tmp_path / "y.npy"))
    assert data.rows.labels.to_pylist() == ["1", "2", "1", "3", "2", "1", "3"]
    np.testing.assert_array_equal(data.read(range(ROWS)), vectors)


def test_several_labels_in_strings(tmp_path: Path, vectors: Vectors):
    np.save(tmp_path / "labels.npy", np.array(["a|b", *LABELS[1:]]))
    data = Arrays(write(tmp_path, write_npy, vectors), str(tmp_path / "labels.npy"), label_separator="|")
    assert data.rows.labels.to_pylist()[:2] == [["a", "b"], ["b"]]


def test_npy_is_mapped_and_not_read(tmp_path: Path, vectors: Vectors):
    assert isinstance(Arrays(write(tmp_path, write_npy, vectors)).content, np.memmap)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", np.int16])
def test_other_types_become_float32(tmp_path: Path, dtype: str):
    values = np.arange(6).reshape(3, 2)
    np.save(tmp_path / "x.npy", values.astype(dtype))
    items = Arrays(str(tmp_path / "x.npy")).read([2, 0])
    assert items.dtype == np.float32
    assert items.dtype.isnative
    assert items.tolist() == [[4, 5], [0, 1]]


def test_images_stay_bytes(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    data = Arrays(str(tmp_path / "x.npy"))
    assert data.item_shape == (5, 6, 3)
    assert data.dtype == np.uint8
    np.testing.assert_array_equal(data.read([1]), images[[1]])


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
def test_arrays_behind_a_url(tmp_path: Path, vectors: Vectors, kind: str):
    writer = {"npy": write_npy, "npz": write_npz, "parquet": write_parquet}[kind]
    content = Path(write(tmp_path, writer, vectors)).read_bytes()
    location = f"memory://{uuid.uuid4()}/vectors.{kind}"
    opened: Any = fsspec.open(location, "wb")
    with opened as handle:
        handle.write(content)
    data = Arrays(location)
    np.testing.assert_array_equal(data.read([4, 2]), vectors[[4, 2]])
    assert data.identity()["vectors"]["bytes"] == len(content)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_with_nan_are_named_when_read(tmp_path: Path, vectors: Vectors, value: float):
    vectors[[2, 5], 1] = value
    data = Arrays(write(tmp_path, write_npy, vectors))
    np.testing.assert_array_equal(data.read([0, 1]), vectors[:2])
    with pytest.raises(
        DataError, match=r"NaN or infinite values in row 5 \(from 0\), and in 2 of the 3 rows"
    ):
        data.read([5, 0, 2])


def test_values_beyond_float32_are_named(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.array([[1.0], [1e300]]))
    with pytest.raises(DataError, match="row 1"):
        Arrays(str(tmp_path / "x.npy")).read([0, 1])


def test_labels_for_another_number_of_rows(tmp_path: Path, vectors: Vectors):
    np.save(tmp_path / "labels.npy", np.array(LABELS[:-1]))
    (tmp_path / "labels.csv").write_text("label\na\n")
    location = write(tmp_path, write_npy, vectors)
    with pytest.raises(DataError, match=r"labels\.npy has 6 labels but .*vectors\.npy has 7 rows"):
        len(Arrays(location, str(tmp_path / "labels.npy")).rows)
    with pytest.raises(DataError, match=r"labels\.csv has 1 labels but .*vectors\.npy has 7 rows"):
        len(Arrays(location, str(tmp_path / "labels.csv")).rows)


def test_no_labels_at_all(tmp_path: Path, vectors: Vectors):
    with pytest.raises(DataError, match=r"data\.labels is missing but .*vectors\.npy has no labels"):
        len(Arrays(write(tmp_path, write_npy, vectors)).rows)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4, np.float32), r"has shape \(4,\) but must be \(N, D\)"),
        (np.zeros((0, 4), np.float32), r"has shape \(0, 4\), which is empty: name another file"),
        (np.array([["a"]]), "values of type <U1 but must be real numbers"),
        (np.zeros((2, 2), np.complex64), "values of type complex64"),
        (
            np.zeros((2, 2), "m8[s]"),
            r"values of type timedelta64\[s\] but must be real numbers: convert them",
        ),
        (np.array([[None]], dtype=object), "cannot be read: ValueError.*objects"),
    ],
)
def test_arrays_that_are_no_vectors(tmp_path: Path, array: NDArray[np.generic], message: str):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        Arrays(str(tmp_path / "x.npy")).read([0])


def test_a_member_of_an_archive_that_is_no_array(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", "not one of NumPy's files")
    with pytest.raises(
        DataError, match=r'x\.npz, "x" is not an array: write the file again with numpy\.savez'
    ):
        Arrays(str(tmp_path / "x.npz")).read([0])


def test_lists_of_labels_are_not_taken_for_vectors(tmp_path: Path, vectors: Vectors):
    labels = [[row, row + 1] for row in range(ROWS)]
    pq.write_table(pa.table({"mine": list(vectors), "labels": labels}), tmp_path / "x.parquet")
    data = Arrays(str(tmp_path / "x.parquet"))
    np.testing.assert_array_equal(data.read(range(ROWS)), vectors)
    assert data.rows.labels.to_pylist() == [[str(label) for label in each] for each in labels]
    pq.write_table(pa.table({"labels": labels}), tmp_path / "y.parquet")
    with pytest.raises(DataError, match=r"y\.parquet has the columns of numbers \(none\): call one"):
        Arrays(str(tmp_path / "y.parquet")).read([0])


@pytest.mark.parametrize("writer", [write_npy, write_npz, write_parquet])
def test_broken_off_files(tmp_path: Path, vectors: Vectors, writer: Writer):
    path = Path(write(tmp_path, writer, vectors))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=rf"{path.name} cannot be read"):
        Arrays(str(path)).read([0])


def test_missing_chunks_are_not_zeros(tmp_path: Path, vectors: Vectors):
    path = Path(write(tmp_path, write_zarr, vectors))
    (path / "c" / "1" / "0").unlink()
    with pytest.raises(
        DataError, match=r"vectors\.zarr: 1 chunks are missing, such as c/1/0, and would be read as 0\.0"
    ):
        Arrays(str(path)).read([0])


@pytest.mark.parametrize("layout", [{"zarr_format": 2}, {"zarr_format": 3}, {"shards": (6, WIDTH)}])
def test_rows_of_zeros_that_zarr_did_not_write(tmp_path: Path, vectors: Vectors, layout: dict[str, Any]):
    """Both remedies of the message."""
    vectors[2:4] = 0
    location = str(tmp_path / "x.zarr")

    def write_all() -> zarr.Array:
        array = zarr.create_array(
            location, shape=(ROWS, WIDTH), chunks=(2, WIDTH), dtype="float32", overwrite=True, **layout
        )
        array[:] = vectors
        return array

    array = write_all()
    with pytest.raises(
        DataError, match=r'"array.write_empty_chunks": True.* array\.attrs\["missing_chunks"\]'
    ):
        Arrays(location).read([0])
    array.attrs["missing_chunks"] = "fill_value"
    np.testing.assert_array_equal(Arrays(location).read(range(ROWS)), vectors)
    with zarr.config.set({"array.write_empty_chunks": True}):
        write_all()
    np.testing.assert_array_equal(Arrays(location).read(range(ROWS)), vectors)


def test_several_arrays_without_a_known_name(tmp_path: Path, vectors: Vectors):
    np.savez(tmp_path / "x.npz", first=vectors, second=vectors)
    with pytest.raises(DataError, match="has the arrays first, second: call one embeddings or embedding"):
        Arrays(str(tmp_path / "x.npz")).read([0])


def test_parquet_vectors_of_several_widths(tmp_path: Path):
    for column in ([[1.0], [1.0, 2.0, 3.0]], [[1.0], None], [[1.0], [None]]):
        pq.write_table(pa.table({"embedding": column}), tmp_path / "x.parquet")
        with pytest.raises(DataError, match="vectors of different lengths, or empty cells"):
            Arrays(str(tmp_path / "x.parquet")).read([0])
    pq.write_table(pa.table({"embedding": [1.0]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"has the columns of numbers \(none\)"):
        Arrays(str(tmp_path / "x.parquet")).read([0])


def test_labels_that_are_no_names(tmp_path: Path, vectors: Vectors):
    location = write(tmp_path, write_npy, vectors)
    np.save(tmp_path / "labels.npy", np.zeros((ROWS, 2), int))
    with pytest.raises(DataError, match=r"have shape \(7, 2\) but must be \(N,\)"):
        len(Arrays(location, str(tmp_path / "labels.npy")).rows)
    np.save(tmp_path / "labels.npy", np.zeros(ROWS))
    with pytest.raises(DataError, match="labels of type double"):
        len(Arrays(location, str(tmp_path / "labels.npy")).rows)


def test_labels_of_bytes_that_are_no_text(tmp_path: Path, vectors: Vectors):
    np.save(tmp_path / "y.npy", np.array([b"a"] * (ROWS - 1) + [b"\xff"]))
    data = Arrays(write(tmp_path, write_npy, vectors), str(tmp_path / "y.npy"))
    with pytest.raises(DataError, match=r"y\.npy are bytes that are not UTF-8 .*: write them as strings"):
        _ = data.rows


def test_missing_and_unknown_files(tmp_path: Path):
    for name in ("x.npy", "x.npz", "x.zarr", "x.parquet"):
        with pytest.raises(DataError, match=rf"{name} (does not exist|cannot be read)"):
            Arrays(str(tmp_path / name)).read([0])
    with pytest.raises(DataError, match=r"neither \.npy, \.npz, \.parquet nor \.zarr"):
        Arrays(str(tmp_path / "x.mat")).read([0])


@pytest.mark.parametrize("writer", [write_npy, write_zarr])
def test_identity_changes_with_a_value(tmp_path: Path, vectors: Vectors, writer: Writer):
    labels = str(labels_npy(tmp_path))
    location = write(tmp_path, writer, vectors)
    before = Arrays(location, labels, hash_content=True).identity()
    assert Arrays(location, labels, hash_content=True).identity() == before
    if writer is write_npy:
        vectors[0, 0] += 1
        write_npy(Path(location), vectors)
    else:
        zarr.open_array(location, mode="r+")[0, 0] = vectors[0, 0] + 1
    after = Arrays(location, labels, hash_content=True).identity()
    assert after["vectors"] != before["vectors"]
    assert after["labels"] == before["labels"]
