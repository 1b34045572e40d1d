"""Files that declare more than they hold, or more than the machine has memory for."""

import io
import struct
import uuid
import zipfile
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from tripletmine.pipeline.data.arrays import Arrays
from tripletmine.pipeline.data.columns import read_columns
from tripletmine.pipeline.data.safety import memory
from tripletmine.pipeline.data.vectors import open_labels
from tripletmine.pipeline.errors import DataError

HUGE = 10**15
"""A number of rows. One byte for each is more than any machine has."""


def npy(shape: tuple[int, ...], values: bytes = b"", dtype: str = "<f4") -> bytes:
    """An .npy file whose header may be false."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values


def npz(content: bytes) -> bytes:
    """An .npz file with one array."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("embeddings.npy", content)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(HUGE, 2), (HUGE**2, 2), (-1, 2), (2, 3)])
def test_npy_files_whose_header_lies(tmp_path: Path, shape: tuple[int, ...]):
    content = npy(shape, bytes(16))
    (tmp_path / "x.npy").write_bytes(content)
    (tmp_path / "x.npz").write_bytes(npz(content))
    url = f"memory://{uuid.uuid4()}/x.npy"
    opened: Any = fsspec.open(url, "wb")
    with opened as handle:
        handle.write(content)
    for location in (str(tmp_path / "x.npy"), str(tmp_path / "x.npz"), url):
        with pytest.raises(DataError, match=r"x\.np[yz].*restore it, or write it again"):
            Arrays(location).read([0])
    for name in ("x.npy", "x.npz"):
        with pytest.raises(DataError, match=r"x\.np[yz]"):
            open_labels(str(tmp_path / name))


def test_an_archive_that_unpacks_to_more_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    np.savez_compressed(tmp_path / "x.npz", embeddings=np.zeros((3000, 1000), np.float32))
    assert (tmp_path / "x.npz").stat().st_size < 20_000
    monkeypatch.setattr(memory, "machine_memory_mib", lambda: 10)
    with pytest.raises(
        DataError,
        match=r'x\.npz, array "embeddings": its values, shape \(3000, 1000\) of float32, need 11 MiB',
    ):
        Arrays(str(tmp_path / "x.npz")).read([0])


@pytest.mark.parametrize(
    ("shape", "chunks", "words"),
    [
        ((HUGE, 2), (1, 2), "the keys of 1,000,000,000,000,000 rows"),
        ((4, HUGE), (1, HUGE), r"chunks of shape \(1, 1000000000000000\)"),
        ((1000, 10**11), (1, 10**5), r"1,000 rows of shape \(100000000000,\)"),
    ],
)
def test_zarr_arrays_of_fill_values(tmp_path: Path, shape: tuple[int, int], chunks: Any, words: str):
    """They say that they are sparse, so nothing counts as missing, but they do not fit into memory."""
    array = zarr.create_array(tmp_path / "x.zarr", shape=shape, chunks=chunks, dtype="f4")
    array.attrs["missing_chunks"] = "fill_value"
    with pytest.raises(DataError, match=rf"x\.zarr.*: {words}.* of memory but this machine has"):
        Arrays(str(tmp_path / "x.zarr")).read_stored()


def test_zarr_labels_of_fill_values(tmp_path: Path):
    array = zarr.create_array(tmp_path / "y.zarr", shape=(HUGE,), chunks=(1,), dtype="i8")
    array.attrs["missing_chunks"] = "fill_value"
    with pytest.raises(DataError, match=r"y\.zarr: 1,000,000,000,000,000 rows of shape \(\) of int64 need"):
        open_labels(str(tmp_path / "y.zarr"))


def test_parquet_that_unpacks_to_more_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows, width = 40_000, 50
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * width, np.float32)), width)
    label = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["a"]))
    location = str(tmp_path / "x.parquet")
    pq.write_table(pa.table({"embedding": column, "label": label}), location, compression="zstd")
    assert Path(location).stat().st_size < 20_000
    monkeypatch.setattr(memory, "machine_memory_mib", lambda: 4)
    with pytest.raises(DataError, match=r"x\.parquet: its 2,000,000 values in 40,000 rows need 15 MiB"):
        Arrays(location).read([0])
    assert len(read_columns(location, ("label",))) == rows
    monkeypatch.setattr(memory, "machine_memory_mib", lambda: 0)
    with pytest.raises(DataError, match=r"x\.parquet: its 40,000 values in 40,000 rows need"):
        read_columns(location, ("label",))


def test_files_longer_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Such as sparse files that nobody ever wrote."""
    monkeypatch.setattr(memory, "machine_memory_mib", lambda: 1)
    for name in ("x.csv", "x.npz"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(2**21)
    with pytest.raises(DataError, match=r"x\.csv: its bytes need 2 MiB of memory but this machine has 1 MiB"):
        read_columns(str(tmp_path / "x.csv"), ("label",))
    with pytest.raises(DataError, match=r"x\.npz: its bytes need 2 MiB"):
        Arrays(str(tmp_path / "x.npz")).read([0])


def test_object_arrays_and_other_encodings(tmp_path: Path):
    np.save(tmp_path / "latin.npy", np.array([b"caf\xe9", b"tea"]))
    with pytest.raises(
        DataError, match=r"labels in .*latin\.npy are bytes that are not UTF-8 \(b'caf\\xe9'\)"
    ):
        open_labels(str(tmp_path / "latin.npy"))
    np.savez(tmp_path / "objects.npz", labels=np.array(["a", None], dtype=object))
    with pytest.raises(DataError, match=r"objects\.npz cannot be read: ValueError: Object arrays"):
        open_labels(str(tmp_path / "objects.npz"))
