"""Read vectors and their labels from .npy, .npz, Zarr and Parquet files, or folders of Parquet files."""

import io
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zarr
from numpy.typing import NDArray

from ..errors import DataError
from ..storage.regular import require_regular, require_regular_within
from ..storage.tables import UNREADABLE
from ..storage.zarr_chunks import FILLED, ChunkError, is_meant_to_be_sparse, missing_chunks, read_chunks
from .columns import LABEL_NAMES, ROW_NAMES, as_labels
from .files import is_url, read_bytes, unreadable
from .parquet import is_parquet_folder, parquet_schema, read_parquet
from .safety.memory import require_memory
from .safety.shapes import require_chunk, require_member, require_npy, require_rows

VECTOR_NAMES = ("embeddings", "embedding", "vectors", "vector", "features", "x", "X")
"""Names of the vectors in a file with several arrays or columns."""
ARRAY_LABEL_NAMES = (*LABEL_NAMES, "y")

Vectors = NDArray[Any] | zarr.Array

_BLOCK = 1 << 16


def open_vectors(location: str, name: str | None = None) -> Vectors:
    """Open the vectors of a file, and read no more of them than the format requires.

    A local .npy is memory-mapped, Zarr is read by chunks; .npz, Parquet and URLs are read whole.
    name: of the array or column, in a file with several; None for one of `VECTOR_NAMES`.

    Returns: vectors (N, D), or images (N, H, W) or (N, H, W, C), of any numeric dtype.
    Raises: DataError naming the file, if it is missing or damaged, or its array has another shape or is not numeric.
    """
    kind = suffix(location)
    vectors = _parquet_vectors(location, name) if kind == ".parquet" else _array(location, VECTOR_NAMES, name)
    if vectors.ndim not in (2, 3, 4):
        raise DataError(
            f"{location} has shape {tuple(vectors.shape)} but must be (N, D), (N, H, W) or (N, H, W, C): reshape it"
        )
    if vectors.dtype.kind not in "iuf":
        raise DataError(
            f"{location} has values of type {vectors.dtype} but must be real numbers: convert them to float32"
        )
    if 0 in vectors.shape:
        raise DataError(f"{location} has shape {tuple(vectors.shape)}, which is empty: name another file")
    require_rows(vectors.shape, location)
    return vectors


def read_values(
    content: Vectors, location: str, rows: NDArray[np.int64] | slice = slice(None)
) -> NDArray[Any]:  # immutable
    """Some or all rows of an opened array. Raises: DataError naming the file and, if it has chunks, the chunk."""
    count = len(rows) if not isinstance(rows, slice) else content.shape[0]
    nbytes = count * prod(content.shape[1:]) * content.dtype.itemsize
    require_memory(nbytes, location, f"{count:,} rows of shape {tuple(content.shape[1:])} of {content.dtype}")
    try:
        return read_chunks(content, rows) if isinstance(content, zarr.Array) else np.asarray(content[rows])
    except ChunkError as error:
        raise DataError(f"{location}: {error}: restore it, or write it again") from error
    except (OSError, ValueError) as error:  # such as a network share that is gone
        raise unreadable(location, error) from error


def open_labels(location: str, name: str | None = None, *, separator: str | None = None) -> pa.Array:
    """Labels of a .npy, .npz or Zarr file: string, or list<string> if `separator` separates several in one string.

    name: of the array, in a file with several; None for one of `ARRAY_LABEL_NAMES`.
    Raises: DataError naming the file.
    """
    labels = read_values(_array(location, ARRAY_LABEL_NAMES, name), location)
    if labels.ndim != 1:
        raise DataError(
            f"labels in {location} have shape {labels.shape} but must be (N,): store several labels for a row as "
            "lists in Parquet, or as strings with data.label_separator"
        )
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"labels in {location} are bytes that are not UTF-8 ({error.object!r}): write them as strings, or "
                "encode them in UTF-8"
            ) from None
    try:
        return as_labels(_as_column(labels), subject=f"{location} (labels)", separator=separator)
    except pa.ArrowException as error:
        raise unreadable(location, error) from error


def _as_column(labels: NDArray[Any]) -> pa.Array:
    """Labels as an Arrow array, which only takes native byte order, and cuts NumPy's own strings at NUL."""
    if labels.dtype.kind not in "UT":
        return pa.array(
            labels.tolist() if labels.dtype.kind == "O" else labels.astype(labels.dtype.newbyteorder("="))
        )
    # In blocks, since Python's strings take many times the memory of Arrow's.
    blocks = [
        pa.array(labels[start : start + _BLOCK].tolist(), pa.string())
        for start in range(0, len(labels), _BLOCK)
    ]
    return pa.chunked_array(blocks, pa.string()).combine_chunks()


def has_labels(location: str, name: str | None = None) -> bool:
    """Whether an .npz or Zarr file has labels beside its vectors. Parquet is read as a table instead."""
    return suffix(location) in (".npz", ".zarr") and any(
        there == name or there in ARRAY_LABEL_NAMES for there in _names(_opened(location), location)
    )


def suffix(location: str) -> str:
    """The format of a file, by its name: ".npy", ".npz", ".zarr" or ".parquet"; of a folder, also by its content."""
    name = location.partition("::")[0].rstrip("/").rpartition("/")[2].lower()
    ending = "." + name.rpartition(".")[2]
    if ending in (".npy", ".npz", ".parquet", ".zarr"):
        return ending
    if ending == ".pq":
        return ".parquet"
    if not is_url(location) and Path(location).is_dir():
        return ".parquet" if is_parquet_folder(location) else ".zarr"
    raise DataError(
        f"{location} is neither .npy, .npz, .parquet nor .zarr: convert it to one of them, other formats are not read"
    )


def _opened(location: str) -> Any:
    """The array, or the container of arrays, of a .npy, .npz or Zarr file."""
    try:
        match suffix(location):
            case ".zarr":
                if not is_url(location):
                    require_regular_within(Path(location))
                return zarr.open(location, mode="r")
            case ".npy" if not is_url(location):
                require_regular(Path(location))
                return np.load(location, mmap_mode="r", allow_pickle=False)
            case ".npy":
                content = io.BytesIO(read_bytes(location))
                require_npy(content, content.getbuffer().nbytes, location)
                content.seek(0)
                return np.load(content, allow_pickle=False)
            case _:
                # From memory, since numpy leaves a damaged .npz file open.
                return np.load(io.BytesIO(read_bytes(location)), allow_pickle=False)
    except DataError:
        raise
    except FileNotFoundError as error:
        if not is_url(location) and Path(location).is_dir():
            raise DataError(
                f"{location} is a folder with neither a Zarr array nor Parquet files in it: name one that has some, or "
                "name a file"
            ) from error
        raise unreadable(location, error) from error
    except Exception as error:  # metadata may be anything, and each store raises its own errors
        raise unreadable(location, error) from error


def _names(opened: Any, location: str) -> list[str]:
    """Names of the arrays in an .npz file or a Zarr group, whose metadata this reads; else empty."""
    try:
        if isinstance(opened, zarr.Group):
            return sorted(opened.array_keys())
    except Exception as error:  # metadata may be anything
        raise unreadable(location, error) from error
    return opened.files if isinstance(opened, np.lib.npyio.NpzFile) else []


def _array(location: str, wanted: tuple[str, ...], called: str | None) -> Vectors:
    opened = _opened(location)
    if isinstance(opened, np.ndarray):
        return opened
    if isinstance(opened, zarr.Array):
        return _whole(opened, location)
    names = _names(opened, location)
    chosen = _chosen(names, wanted, called)
    if chosen is None:
        meant = called or " or ".join(wanted[:2])
        raise DataError(f"{location} has the arrays {', '.join(names) or '(none)'}: call one {meant}")
    try:
        if isinstance(opened, np.lib.npyio.NpzFile):
            require_member(opened.zip, chosen, location)  # pyright: ignore[reportArgumentType]  open, so not None
        array = opened[chosen]
    except DataError:
        raise
    except Exception as error:  # as above; an .npz is read only here
        raise unreadable(location, error) from error
    if isinstance(array, bytes):  # what NumPy returns for a member of an .npz that is not an .npy
        raise DataError(f'{location}, "{chosen}" is not an array: write the file again with numpy.savez')
    return _whole(array, location) if isinstance(array, zarr.Array) else array


def _chosen(names: Sequence[str], wanted: Sequence[str], called: str | None) -> str | None:
    """The array that `called` names; if that is None, the only one, or the first of `wanted` that exists."""
    if called is not None:
        return called if called in names else None
    return names[0] if len(names) == 1 else next((name for name in wanted if name in names), None)


def _whole(array: zarr.Array, location: str) -> zarr.Array:
    """The array, after checking that all chunks exist, since Zarr would read missing ones as fill values."""
    subject = f'{location}, array "{array.basename}"' if array.basename else location
    require_chunk(array, subject)
    try:
        missing = None if is_meant_to_be_sparse(array) else missing_chunks(array)
    except ChunkError as error:
        raise DataError(
            f"{subject}: {error}: restore it, or write it again with shards of one level"
        ) from error
    except Exception as error:  # each store raises its own errors
        raise unreadable(location, error) from error
    if missing is None:
        return array
    fill = array.fill_value
    raise DataError(
        f"{subject}: {missing.count:,} chunks are missing, such as {missing.first}, and would be read as {fill}: "
        'restore them, or write the array again under zarr.config.set({"array.write_empty_chunks": True}); if they are '
        f'meant to be {fill}, set its attribute array.attrs["{FILLED}"] = "fill_value"'
    )


def _parquet_vectors(location: str, name: str | None) -> NDArray[Any]:
    try:
        schema = parquet_schema(location)
        lists = [field.name for field in schema if _is_vector(field.type) and field.name not in ROW_NAMES]
        chosen = _chosen(lists, VECTOR_NAMES, name)
        if chosen is None:
            raise DataError(
                f"{location} has the columns of numbers {', '.join(lists) or '(none)'}: call one of them "
                f"{name or ' or '.join(VECTOR_NAMES[:2])}, as a list of numbers for each row"
            )
        column = read_parquet(location, [chosen])[chosen].combine_chunks()
    except UNREADABLE as error:
        raise unreadable(location, error) from error
    if isinstance(column, pa.FixedShapeTensorArray):
        if not column.null_count and not column.storage.flatten().null_count:
            return column.to_numpy_ndarray()
        column = column.storage
    values = column.flatten()
    widths = column.value_lengths().unique().to_pylist()
    if column.null_count or values.null_count or len(widths) > 1:
        raise DataError(
            f'{location}, column "{chosen}" has vectors of different lengths, or empty cells: '
            "give each row the same number of values"
        )
    return values.to_numpy(zero_copy_only=False).reshape(len(column), *widths or (0,))


def _is_vector(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.FixedShapeTensorType):
        return _is_number(kind.value_type)
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and _is_number(kind.value_type)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)
