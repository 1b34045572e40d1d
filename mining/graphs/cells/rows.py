"""The vectors of a set in the order of its cells, in memory or in a memory-mapped file.

A search reads the cells near its queries, and tasks take queries in the order of cells: of a mapped file, only the
pages of these cells are in memory, and processes on one machine share them.
"""

import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...compute.npy import npy_bytes
from ...compute.threads import read_only
from ...errors import InputError
from ..exact.bounds import mean_of, measure_about
from .partition import Partition

_BLOCK_ROWS = 65_536
_READ_BYTES = 2**22
_CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class RowsByCell:
    """vectors: float32 (N, D), in the order of cells. origin: float32 (D,). sq_norms: float32 (N,), squared distances
    of the vectors from the origin."""

    vectors: NDArray[np.float32]
    origin: NDArray[np.float32]
    sq_norms: NDArray[np.float32]


def order_of(partition: Partition) -> NDArray[np.int64]:
    """int64 (N,), rows in the order of their cells, ascending in each cell."""
    return np.argsort(partition.cell_of, kind="stable")


def in_memory(vectors: NDArray[np.float32], partition: Partition) -> RowsByCell:
    """A copy of float32 (N, D) vectors in the order of cells."""
    order = order_of(partition)
    origin, sq_norms = _measured(vectors)
    return RowsByCell(read_only(vectors[order]), origin, sq_norms[order])


def write_rows(path: Path, vectors: NDArray[np.float32], partition: Partition) -> None:
    """Write float32 (N, D) vectors in the order of cells, for `map_rows`, without a second copy of them in memory.

    The file holds three arrays in .npy format, origin, squared norms and vectors, and a CRC-32 of all before it.
    Not atomic: write to a temporary name and rename.
    """
    order = order_of(partition)
    origin, sq_norms = _measured(vectors)
    with path.open("wb") as file:
        checksum = 0
        for content in (npy_bytes(origin), npy_bytes(sq_norms[order]), _header(vectors.shape)):
            file.write(content)
            checksum = zlib.crc32(content, checksum)
        for start in range(0, len(order), _BLOCK_ROWS):
            content = vectors[order[start : start + _BLOCK_ROWS]].data
            file.write(content)
            checksum = zlib.crc32(content, checksum)
        file.write(checksum.to_bytes(_CHECKSUM_BYTES, "little"))


def map_rows(path: Path) -> RowsByCell:
    """What `write_rows` wrote, its vectors mapped into memory.

    Raises: InputError if the file is damaged. OSError if it is not there.
    """
    if not _is_sound(path):
        raise InputError(f"{path} is damaged: write it again")
    with path.open("rb") as file:
        origin, sq_norms = (np.load(file, allow_pickle=False) for _ in range(2))
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        vectors = np.memmap(path, dtype, "r", offset=file.tell(), shape=shape)
    return RowsByCell(read_only(np.asarray(vectors)), origin, sq_norms)


def _measured(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean, and each row's squared distance from it."""
    origin, sq_norms = mean_of(vectors), np.empty(len(vectors), np.float32)
    measure_about(vectors, origin, sq_norms)
    return origin, sq_norms


def _header(shape: tuple[int, ...]) -> bytes:
    """The beginning of a .npy file of a float32 array of this shape."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


def _is_sound(path: Path) -> bool:
    """Compare the file with its checksum. Read, not mapped, so that its pages do not count as this process's memory."""
    left, checksum = path.stat().st_size - _CHECKSUM_BYTES, 0
    with path.open("rb") as file:
        while left > 0 and (content := file.read(min(_READ_BYTES, left))):
            checksum = zlib.crc32(content, checksum)
            left -= len(content)
        return file.read() == checksum.to_bytes(_CHECKSUM_BYTES, "little")
