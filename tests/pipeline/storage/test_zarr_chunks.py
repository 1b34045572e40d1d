"""Chunks that are missing or damaged, in arrays of every layout."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numcodecs import Blosc
from numpy.typing import NDArray
from tripletmine.pipeline.storage.zarr_chunks import ChunkError, Missing, missing_chunks, read_chunks
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec

SHAPE, CHUNK = (20, 5), (2, 3)
LAYOUTS: dict[str, dict[str, Any]] = {
    "v3": {"zarr_format": 3},
    "v2": {"zarr_format": 2},
    "v2, nested": {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
    "sharded": {"shards": (6, 6)},
    "sharded, one chunk a shard": {"shards": CHUNK},
}


@pytest.fixture
def values() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)


def created(path: Path, layout: str, values: NDArray[np.float32]) -> zarr.Array:
    array = zarr.create_array(path, shape=SHAPE, chunks=CHUNK, dtype=values.dtype, **LAYOUTS[layout])
    array[:] = values
    return array


def chunk_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] not in "z.")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_is_missing_from_a_whole_array(tmp_path: Path, layout: str, values: NDArray[np.float32]):
    """The last shard reaches beyond the array, and does not hold the chunks there."""
    array = created(tmp_path / "a.zarr", layout, values)
    assert missing_chunks(array) is None
    np.testing.assert_array_equal(read_chunks(array), values)
    np.testing.assert_array_equal(read_chunks(array, np.array([7, 0, 7])), values[[7, 0, 7]])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_lost_file_is_missed(tmp_path: Path, layout: str, values: NDArray[np.float32]):
    array = created(tmp_path / "a.zarr", layout, values)
    files = chunk_files(tmp_path / "a.zarr")
    for path in files:
        content = path.read_bytes()
        path.unlink()
        assert missing_chunks(array) == Missing(path.relative_to(tmp_path / "a.zarr").as_posix(), 1)
        path.write_bytes(content)
    for path in files:
        path.unlink()
    assert missing_chunks(array) is not None
    assert getattr(missing_chunks(array), "count", 0) == len(files)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("sums", [(), (Crc32cCodec(),)])
def test_each_chunk_that_a_shard_lacks_is_missed(tmp_path: Path, location: Any, sums: tuple, values: NDArray):
    """Chunks of zeros are not written by default, which nobody can tell from chunks that were lost."""
    for row in range(0, 20, 2):
        for column in (0, 3):
            path = tmp_path / f"{row}-{column}.zarr"
            codec = ShardingCodec(
                chunk_shape=CHUNK,
                codecs=(BytesCodec(),),
                index_codecs=(BytesCodec(), *sums),
                index_location=location,
            )
            array = zarr.create_array(
                path,
                shape=SHAPE,
                chunks=(6, 6),
                dtype="float32",
                serializer=codec,
                compressors=None,
                filters=None,
            )
            lacking = values.copy()
            lacking[row : row + 2, column : column + 3] = 0
            array[:] = lacking
            shard, place = row // 6, (row % 6 // 2, column // 3)
            assert missing_chunks(array) == Missing(f"c/{shard}/0 ({place[0]}, {place[1]})", 1)


def test_empty_chunks_that_were_written_are_there(tmp_path: Path):
    with zarr.config.set({"array.write_empty_chunks": True}):
        for layout in LAYOUTS:
            assert missing_chunks(created(tmp_path / layout, layout, np.zeros(SHAPE, np.float32))) is None


def test_arrays_of_a_group_are_kept_apart(tmp_path: Path, values: NDArray[np.float32]):
    group = zarr.create_group(tmp_path / "g.zarr")
    for name in ("x", "xy", "y"):
        group.create_array(name, shape=SHAPE, chunks=CHUNK, dtype=values.dtype)[:] = values
    (tmp_path / "g.zarr" / "xy" / "c" / "3" / "1").unlink()
    found = {name: missing_chunks(zarr.open_array(tmp_path / "g.zarr" / name)) for name in ("x", "xy", "y")}
    assert found == {"x": None, "xy": Missing("c/3/1", 1), "y": None}
    opened = zarr.open_group(tmp_path / "g.zarr", mode="r")
    assert {name: missing_chunks(array) for name, array in opened.arrays()} == found


def test_a_shape_that_lies_is_not_gone_through(tmp_path: Path):
    array = zarr.create_array(tmp_path / "a.zarr", shape=(10**15, 2), chunks=(1, 2), dtype="int8")
    assert missing_chunks(array) == Missing("c/0/0", 10**15)


def test_shards_in_shards_are_refused(tmp_path: Path, values: NDArray[np.float32]):
    inner = ShardingCodec(chunk_shape=(1, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = zarr.create_array(
            tmp_path / "a.zarr",
            shape=SHAPE,
            chunks=(4, 6),
            dtype="float32",
            serializer=ShardingCodec(chunk_shape=CHUNK, codecs=(inner,)),
            compressors=None,
        )
        array[:] = values
    with pytest.raises(ChunkError, match="does not show which of their chunks are missing"):
        missing_chunks(array)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_damaged_file_is_named(tmp_path: Path, layout: str, values: NDArray[np.float32]):
    array = created(tmp_path / "a.zarr", layout, values)
    path = chunk_files(tmp_path / "a.zarr")[-1]
    content = path.read_bytes()
    name = path.relative_to(tmp_path / "a.zarr").as_posix()
    for damaged in (content[:10], bytes([content[0] ^ 255]) * len(content)):
        path.write_bytes(damaged)
        with pytest.raises(ChunkError, match=rf"^its chunk {name} is damaged \(\w+: "):
            read_chunks(array)
        with pytest.raises(ChunkError, match=rf"^its chunk {name} is damaged"):
            read_chunks(array, np.array([0, 19]))
        np.testing.assert_array_equal(read_chunks(array, np.array([1, 0])), values[[1, 0]])


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("left", [0, 10, -1])
def test_a_chunk_of_blosc_that_was_cut_off(tmp_path: Path, form: Any, left: int, values: NDArray[np.float32]):
    """Blosc itself would read beyond the end of the last kind."""
    codec = BloscCodec() if form == 3 else Blosc()
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path, shape=SHAPE, chunks=CHUNK, dtype=values.dtype, zarr_format=form, compressors=codec
    )
    array[:] = values
    assert missing_chunks(array) is None
    harmed = chunk_files(path)[3]
    harmed.write_bytes(harmed.read_bytes()[:left])
    with pytest.raises(ChunkError, match=rf"its chunk {harmed.relative_to(path).as_posix()} is cut off"):
        missing_chunks(array)


@pytest.mark.parametrize("layout", ["sharded", "sharded, one chunk a shard"])
@pytest.mark.parametrize("size", [0, 10])
def test_a_shard_that_was_cut_off(tmp_path: Path, size: int, layout: str, values: NDArray[np.float32]):
    """Zarr 3.1 reads an empty shard of one chunk as fill values."""
    array = created(tmp_path / "a.zarr", layout, values)
    path = tmp_path / "a.zarr" / "c" / "1" / "0"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ChunkError, match=r"^its shard c/1/0 is cut off$"):
        missing_chunks(array)
