"""Check the shapes that files declare, which may be wrong, against file sizes and the machine's memory."""

import zipfile
from collections.abc import Iterable
from math import prod
from typing import IO, Any

import numpy as np
import pyarrow.parquet as pq
import zarr

from ...errors import DataError
from .memory import require_memory

_KEY_BYTES = 64
"""Lower bound of the memory of a row's key while rows are listed."""


def require_rows(shape: tuple[int, ...], subject: str) -> None:
    """Raise DataError if not even the keys of the rows fit into memory."""
    require_memory(shape[0] * _KEY_BYTES, subject, f"the keys of {shape[0]:,} rows")


def require_chunk(array: zarr.Array, subject: str) -> None:
    """Raise DataError if a chunk of the array does not fit into memory: reading a row needs a whole chunk."""
    what = f"chunks of shape {tuple(array.chunks)} of {array.dtype}"
    require_memory(prod(array.chunks) * array.dtype.itemsize, subject, what)


def require_columns(sources: Iterable[Any], columns: Iterable[str], subject: str) -> None:
    """Raise DataError if columns of Parquet files do not fit into memory, at 8 bytes per value in their footers.

    sources: paths, or files in memory.
    """
    wanted = set(columns)
    values = rows = 0
    for footer in map(pq.read_metadata, sources):
        rows += footer.num_rows
        for group in map(footer.row_group, range(footer.num_row_groups)):
            chunks = map(group.column, range(group.num_columns))
            values += sum(
                chunk.num_values for chunk in chunks if chunk.path_in_schema.partition(".")[0] in wanted
            )
    require_memory(8 * max(values, rows), subject, f"its {values:,} values in {rows:,} rows")


def require_npy(file: IO[bytes], size: int, subject: str) -> None:
    """Raise DataError if the size of an .npy file contradicts its header, or its array does not fit into memory.

    size: of the file in bytes. The position of `file` is undefined afterwards. Raises: also ValueError without header.
    """
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(
        version
    )
    if read is None:
        return  # format 3.0: structured dtypes with names beyond Latin-1, which are not numbers
    shape, _, dtype = read(file)
    if dtype.hasobject:
        return  # refused later, without being read
    nbytes = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or nbytes != size - file.tell():
        raise DataError(
            f"{subject} has {size - file.tell():,} bytes of values, but shape {shape} of {dtype} has {nbytes:,}: "
            "restore it, or write it again"
        )
    require_memory(nbytes, subject, f"its values, shape {shape} of {dtype},")


def require_member(archive: zipfile.ZipFile, name: str, subject: str) -> None:
    """`require_npy` for an array of an .npz file."""
    member = f"{name}.npy"
    if member in archive.namelist():
        with archive.open(member) as file:
            if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
                return  # NumPy returns such members as bytes
            file.seek(0)
            require_npy(file, archive.getinfo(member).file_size, f'{subject}, array "{name}"')
