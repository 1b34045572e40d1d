"""Row-wise Zarr arrays: a chunk has one task's rows, with a checksum and without compression.

Compression would shrink embeddings and distances by at most 12 %. The crc32c detects every flipped bit, and receipts
detect what a checksum within a chunk cannot: a chunk swapped for another.
"""

from pathlib import Path

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import Crc32cCodec

from .committed import Committed

_METADATA = "zarr.json"


def create_rows(path: Path, *, rows: int, width: int, dtype: DTypeLike, chunk_rows: int) -> None:
    """Create the metadata of a (rows, width) array. Only one process may do so, before chunks are written.

    Existing chunks stay: they are still valid if only the metadata was lost.
    """
    (path / _METADATA).unlink(missing_ok=True)
    zarr.create_array(
        store=str(path),
        shape=(rows, width),
        chunks=(min(chunk_rows, rows), width),
        dtype=np.dtype(dtype),
        compressors=[Crc32cCodec()],
        filters=None,
        fill_value=0,
        zarr_format=3,
    )


def create_group(path: Path) -> None:
    """Create the metadata of a group of arrays; existing arrays stay."""
    (path / _METADATA).unlink(missing_ok=True)
    zarr.create_group(store=str(path), zarr_format=3)


def metadata_file(array: str) -> str:
    """Path of an array's metadata, relative to the same folder as `array`."""
    return f"{array}/{_METADATA}"


def write_chunk(folder: Path, array: str, start: int, values: NDArray) -> str:
    """Write the whole chunk that begins at row `start`. Returns its file, relative to `folder`.

    Raises: ValueError for part of a chunk, since two writers of the same chunk would lose rows.
    """
    target = _open(folder / array, mode="r+")
    chunk_rows = target.chunks[0]
    stop = min(start + chunk_rows, target.shape[0])
    if start % chunk_rows or len(values) != stop - start:
        raise ValueError(f"{array}: rows {start} to {start + len(values)} are not one chunk of {chunk_rows}")
    target[start:stop] = values
    return f"{array}/c/{start // chunk_rows}/0"


def read_rows(source: Committed, array: str, start: int, stop: int) -> NDArray:
    """Rows start to stop of an array of a committed stage.

    Raises: CorruptError for a chunk that is missing (which Zarr would read as zeros) or differs from its receipt.
    """
    source.checked(metadata_file(array))
    stored = _open(source.folder / array, mode="r")
    chunk_rows = stored.chunks[0]
    for chunk in range(start // chunk_rows, -(-stop // chunk_rows)):
        source.checked(f"{array}/c/{chunk}/0")
    return np.asarray(stored[start:stop])


def read_some_rows(source: Committed, array: str, rows: NDArray[np.int64]) -> NDArray:
    """Some rows, int64 (S,), ascending, of an array of a committed stage. Reads only the chunks that hold them.

    Raises: as `read_rows`.
    """
    source.checked(metadata_file(array))
    stored = _open(source.folder / array, mode="r")
    chunk_rows = stored.chunks[0]
    parts = [np.empty((0, *stored.shape[1:]), stored.dtype)]
    for chunk in np.unique(rows // chunk_rows).tolist():
        source.checked(f"{array}/c/{chunk}/0")
        first = chunk * chunk_rows
        inside = rows[(rows >= first) & (rows < first + chunk_rows)] - first
        parts.append(np.asarray(stored[first : first + chunk_rows])[inside])
    return np.concatenate(parts)


def _open(path: Path, *, mode: str) -> zarr.Array:
    # Without write_empty_chunks, an all-zero chunk would not be written and would look like a lost one.
    with zarr.config.set({"array.write_empty_chunks": True}):
        # Format 3 only: an array of format 2 may name a codec that unpickles what it reads.
        array = zarr.open_array(str(path), mode=mode, zarr_format=3)  # pyright: ignore[reportArgumentType]
    return array
