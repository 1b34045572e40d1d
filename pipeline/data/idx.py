"""Read IDX, the file format of MNIST and similar data sets."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..storage.regular import require_regular
from .files import unreadable

_UINT8 = 0x08
"""Third byte of the magic number: the dtype. The fourth is the number of dimensions."""


def read_idx(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, plain (memory-mapped) or gzip-compressed (read into memory).

    Returns: uint8, read-only, with `dimensions` axes.
    Raises: DataError for another magic number, and for a file shorter or longer than its header says.
    """
    header_bytes = 4 + 4 * dimensions
    try:
        require_regular(path)
        if path.suffix == ".gz":
            content = gzip.decompress(path.read_bytes())
            header, size = content[:header_bytes], len(content)
        else:
            content = None
            with path.open("rb") as handle:
                header = handle.read(header_bytes)
            size = path.stat().st_size
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(str(path), error) from error

    shape = _shape(path, header, dimensions)
    expected = header_bytes + math.prod(shape)
    if size != expected:
        state = "truncated" if size < expected else "longer than its header says"
        raise DataError(
            f"{path} is {state}: {size} bytes, but {' × '.join(map(str, shape))} values need {expected}: "
            "fetch it again"
        )
    if content is not None:
        return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)
    if not math.prod(shape):
        return np.zeros(shape, dtype=np.uint8)  # an empty array cannot be mapped
    return np.memmap(path, dtype=np.uint8, mode="r", offset=header_bytes, shape=shape)


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    magic = bytes([0, 0, _UINT8, dimensions])
    if header[:4] != magic:
        raise DataError(
            f"{path} begins with {header[:4].hex() or 'nothing'} but an IDX file of bytes in {dimensions} "
            f"dimensions begins with {magic.hex()}: it is a different kind of file, or damaged: fetch it again"
        )
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{path} is truncated: its header ends after {len(header)} bytes: fetch it again")
    return tuple(int.from_bytes(header[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(dimensions))
