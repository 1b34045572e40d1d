from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.storage.committed import Committed
from tripletmine.pipeline.storage.manifest import Manifest
from tripletmine.pipeline.storage.receipts import Receipt, stamp_files
from tripletmine.pipeline.storage.row_arrays import (
    create_rows,
    metadata_file,
    read_rows,
    read_some_rows,
    write_chunk,
)

ARRAY = "vectors.zarr"
ROWS, WIDTH, CHUNK = 25, 3, 10

Write = Callable[[NDArray], Committed]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an array chunk by chunk, as tasks do; returns it as a committed stage."""

    def written(values: NDArray) -> Committed:
        create_rows(tmp_path / ARRAY, rows=ROWS, width=WIDTH, dtype=values.dtype, chunk_rows=CHUNK)
        chunks = {start: values[start : start + CHUNK] for start in range(0, ROWS, CHUNK)}
        names = [write_chunk(tmp_path, ARRAY, start, chunk) for start, chunk in chunks.items()]
        receipt = Receipt("all", ROWS, stamp_files(tmp_path, [metadata_file(ARRAY), *names]))
        return Committed(tmp_path, Manifest("embed", 4, {}, (receipt,), {}))

    return written


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_rows_come_back_whatever_the_range(write: Write, dtype: type) -> None:
    values = (np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH) + 2**53 + 1).astype(dtype)
    stage = write(values)

    for start, stop in [(0, ROWS), (0, 1), (9, 11), (10, 20), (24, 25), (3, 23)]:
        found = read_rows(stage, ARRAY, start, stop)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values[start:stop])


@pytest.mark.parametrize("rows", [[], [3], [0, 9, 10, 24], list(range(ROWS))])
def test_some_rows_are_those_of_the_whole(write: Write, values: NDArray[np.float32], rows: list[int]) -> None:
    found = read_some_rows(write(values), ARRAY, np.array(rows, np.int64))

    np.testing.assert_array_equal(found, values[rows])


def test_some_rows_are_checked_where_they_lie_and_nowhere_else(
    write: Write, values: NDArray[np.float32]
) -> None:
    stage = write(values)
    (stage.folder / ARRAY / "c" / "1" / "0").unlink()

    read_some_rows(stage, ARRAY, np.array([2, 22], np.int64))
    with pytest.raises(CorruptError, match="is gone"):
        read_some_rows(stage, ARRAY, np.array([2, 12], np.int64))


def test_an_all_zero_chunk_is_written(write: Write) -> None:
    """By default Zarr leaves out chunks of nothing but the fill value, which nobody could tell from lost ones."""
    stage = write(np.zeros((ROWS, WIDTH), np.float32))

    assert [(stage.folder / ARRAY / "c" / str(chunk) / "0").is_file() for chunk in range(3)] == [True] * 3


def test_others_can_open_it(write: Write, values: NDArray[np.float32]) -> None:
    stage = write(values)
    np.testing.assert_array_equal(zarr.open_array(str(stage.folder / ARRAY), mode="r")[:], values)


def test_the_same_rows_give_the_same_files(write: Write, values: NDArray[np.float32]) -> None:
    assert write(values).manifest.files == write(values).manifest.files


def test_a_missing_chunk_is_an_error_and_not_zeros(write: Write, values: NDArray[np.float32]) -> None:
    stage = write(values)
    (stage.folder / ARRAY / "c" / "1" / "0").unlink()

    np.testing.assert_array_equal(read_rows(stage, ARRAY, 0, 10), values[:10])
    with pytest.raises(CorruptError, match=r"c/1/0 is gone: redo it with --from-stage embed --epoch 4"):
        read_rows(stage, ARRAY, 5, 15)


def test_a_flipped_byte_is_found(write: Write, values: NDArray[np.float32]) -> None:
    stage = write(values)
    path = stage.folder / ARRAY / "c" / "2" / "0"
    content = bytearray(path.read_bytes())
    content[17] ^= 1
    path.write_bytes(content)

    with pytest.raises(
        CorruptError, match=r"c/2/0 differs from its receipt: redo it with --from-stage embed"
    ):
        read_rows(stage, ARRAY, 20, 25)


def test_a_swapped_chunk_is_found(write: Write, values: NDArray[np.float32]) -> None:
    """Both are intact and pass their own checksums."""
    stage = write(values)
    first, second = (stage.folder / ARRAY / "c" / name / "0" for name in "01")
    aside = stage.folder / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)

    assert not np.array_equal(zarr.open_array(str(stage.folder / ARRAY), mode="r")[:10], values[:10])
    with pytest.raises(CorruptError, match=r"c/0/0 differs from its receipt"):
        read_rows(stage, ARRAY, 0, 1)


def test_damaged_metadata_is_found(write: Write, values: NDArray[np.float32]) -> None:
    stage = write(values)
    path = stage.folder / ARRAY / "zarr.json"
    path.write_text(path.read_text().replace("float32", "float16"))

    with pytest.raises(CorruptError, match=r"zarr\.json differs from its receipt"):
        read_rows(stage, ARRAY, 0, 1)


@pytest.mark.parametrize(("start", "rows"), [(0, 9), (5, 10), (0, 11), (20, 4), (20, 10)])
def test_what_is_not_one_whole_chunk_is_refused(
    write: Write, values: NDArray[np.float32], start: int, rows: int
) -> None:
    folder = write(values).folder
    with pytest.raises(ValueError, match=f"rows {start} to {start + rows} are not one chunk of 10"):
        write_chunk(folder, ARRAY, start, np.zeros((rows, WIDTH), np.float32))
    np.testing.assert_array_equal(zarr.open_array(str(folder / ARRAY), mode="r")[:], values)


def test_chunks_larger_than_the_array(tmp_path: Path, values: NDArray[np.float32]) -> None:
    create_rows(tmp_path / ARRAY, rows=ROWS, width=WIDTH, dtype=np.float32, chunk_rows=1000)
    assert write_chunk(tmp_path, ARRAY, 0, values) == f"{ARRAY}/c/0/0"
    np.testing.assert_array_equal(zarr.open_array(str(tmp_path / ARRAY), mode="r")[:], values)


def test_metadata_that_was_lost_is_made_again_and_the_chunks_stay(
    write: Write, values: NDArray[np.float32]
) -> None:
    """A broken-off stage keeps the tasks whose receipts are there: their chunks must not go with the metadata."""
    stage = write(values)
    (stage.folder / ARRAY / "zarr.json").unlink()
    create_rows(stage.folder / ARRAY, rows=ROWS, width=WIDTH, dtype=np.float32, chunk_rows=CHUNK)
    np.testing.assert_array_equal(read_rows(stage, ARRAY, 0, ROWS), values)
