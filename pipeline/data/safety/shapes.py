"""The shapes that files declare, which may be damaged or lie, against their size and the machine's memory."""

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
"""At least what a row's key takes while rows are listed."""


def require_rows(shape: tuple[int, ...], subject: str) -> None:
    """Raises: DataError where not even the keys of so many rows fit."""
    require_memory(shape[0] * _KEY_BYTES, subject, f"the keys of {shape[0]:,} rows")


def require_chunk(array: zarr.Array, subject: str) -> None:
    """Raises: DataError where a chunk of the array does not fit: no row can be read without it."""
    what = f"chunks of shape {tuple(array.chunks)} of {array.dtype}"
    require_memory(prod(array.chunks) * array.dtype.itemsize, subject, what)


def require_columns(sources: Iterable[Any], columns: Iterable[str], subject: str) -> None:
    """Raises: DataError where columns of Parquet files do not fit, as far as their footers tell: 8 bytes a value.

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
    """Raises: DataError where an .npy file of `size` bytes has another size than its header says, or does not fit;
    ValueError where it has no header. Leaves the file somewhere behind the header."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(
        version
    )
    if read is None:
        return  # of structured types with names that are not Latin-1, which are no numbers
    shape, _, dtype = read(file)
    if dtype.hasobject:
        return  # refused without being read
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
                return  # NumPy gives such members as bytes
            file.seek(0)
            require_npy(file, archive.getinfo(member).file_size, f'{subject}, array "{name}"')
