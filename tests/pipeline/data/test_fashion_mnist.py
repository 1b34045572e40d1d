"""IDX files and Fashion-MNIST, on files made here."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tripletmine.pipeline.data.fashion_mnist import CLASSES, FashionMnist
from tripletmine.pipeline.data.idx import read_idx
from tripletmine.pipeline.errors import DataError


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + values.tobytes()


def write_part(
    folder: Path, part: str, images: NDArray[np.uint8], labels: NDArray[np.uint8], *, packed: bool
):
    for name, values in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(values)))
        else:
            (folder / name).write_bytes(idx_bytes(values))


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (7, 4, 3), dtype=np.uint8)


LABELS = np.array([0, 1, 9, 0, 1, 9, 0], dtype=np.uint8)


@pytest.fixture(params=[True, False], ids=["gz", "plain"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, images: NDArray[np.uint8]) -> Path:
    """5 images for training, 2 for the test."""
    write_part(tmp_path, "train", images[:5], LABELS[:5], packed=request.param)
    write_part(tmp_path, "t10k", images[5:], LABELS[5:], packed=request.param)
    return tmp_path


def test_items_of_both_splits_in_any_order(folder: Path, images: NDArray[np.uint8]):
    data = FashionMnist(str(folder))
    order = [6, 0, 4, 5, 0]
    np.testing.assert_array_equal(data.read(order), images[order])
    assert data.item_shape == (4, 3)


def test_rows_have_names_and_the_split_of_the_files(folder: Path):
    rows = FashionMnist(str(folder)).rows
    assert rows.labels.to_pylist() == [CLASSES[label] for label in LABELS]
    assert rows.splits is not None
    assert rows.splits.to_pylist() == ["train"] * 5 + ["test"] * 2
    assert rows.keys.to_pylist()[4:6] == ["train/00004", "test/00000"]


def test_a_pickle_holds_no_pixels(folder: Path):
    data = FashionMnist(str(folder))
    expected = data.read([6])
    pickled = pickle.dumps(data)
    assert len(pickled) < 400
    np.testing.assert_array_equal(pickle.loads(pickled).read([6]), expected)


def test_a_missing_folder_names_the_package(tmp_path: Path):
    with pytest.raises(DataError, match=r"as data\.path, or `apt-get install dataset-fashion-mnist`"):
        FashionMnist(str(tmp_path / "nothing")).read([0])


def test_identity_changes_with_the_content(folder: Path):
    data = FashionMnist(str(folder), hash_content=True)
    before = data.identity()
    assert before["files"] == 4
    (path,) = folder.glob("t10k-labels*")
    labels = np.array([9, 1], dtype=np.uint8)
    path.write_bytes(gzip.compress(idx_bytes(labels)) if path.suffix else idx_bytes(labels))
    assert data.identity()["digest"] != before["digest"]


def test_images_and_labels_of_other_counts(tmp_path: Path, images: NDArray[np.uint8]):
    write_part(tmp_path, "train", images[:5], LABELS[:4], packed=True)
    write_part(tmp_path, "t10k", images[5:], LABELS[5:], packed=True)
    with pytest.raises(DataError, match=r"has 4 labels but .* has 5 images"):
        FashionMnist(str(tmp_path)).read([0])


def test_another_data_set_with_more_classes(tmp_path: Path, images: NDArray[np.uint8]):
    write_part(tmp_path, "train", images[:5], LABELS[:5] + np.uint8(10), packed=True)
    write_part(tmp_path, "t10k", images[5:], LABELS[5:], packed=True)
    with pytest.raises(DataError, match="has the label 19 but Fashion-MNIST has 0 to 9"):
        FashionMnist(str(tmp_path)).read([0])


def test_parts_of_other_sizes(tmp_path: Path, images: NDArray[np.uint8]):
    write_part(tmp_path, "train", images[:5], LABELS[:5], packed=True)
    write_part(tmp_path, "t10k", images[5:, :2], LABELS[5:], packed=True)
    with pytest.raises(DataError, match="are 4 × 3 for training, 2 × 3 for the test"):
        FashionMnist(str(tmp_path)).read([0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(np.zeros((2, 4, 3), np.uint8))[:-1], "is truncated: 39 bytes.*2 × 4 × 3 values need 40"),
        (idx_bytes(np.zeros((2, 4, 3), np.uint8)) + b"\0", "is longer than its header says"),
        (idx_bytes(np.zeros(4, np.uint8)), "begins with 00000801 but .* 3 dimensions begins with 00000803"),
        (idx_bytes(np.zeros((2, 4, 3), np.uint8))[:9], "header ends after 9 bytes"),
        (b"", "begins with nothing"),
        (b"<html>not found</html>", "begins with 3c68746d"),
    ],
)
@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
def test_damaged_idx_files(tmp_path: Path, content: bytes, message: str, packed: bool):
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=message):
        read_idx(path, dimensions=3)


@pytest.mark.parametrize("cut", [10, 30])
def test_a_broken_off_download(tmp_path: Path, cut: int):
    path = tmp_path / "file.gz"
    whole = gzip.compress(idx_bytes(np.random.default_rng(0).integers(0, 256, (9, 4, 3), dtype=np.uint8)))
    path.write_bytes(whole[:-cut])
    with pytest.raises(DataError, match=r"file.gz cannot be read"):
        read_idx(path, dimensions=3)


def test_a_file_that_is_not_gzip(tmp_path: Path):
    path = tmp_path / "file.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(DataError, match="BadGzipFile"):
        read_idx(path, dimensions=1)
