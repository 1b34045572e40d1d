"""The embeddings of the training split, embeddings.zarr: kept as embed.dtype says, and read as float32.

Whoever searches and mines measures the values that are kept, so that all distances of a run are of the same vectors.
"""

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..storage.committed import Committed
from ..storage.row_arrays import create_rows, metadata_file, read_rows, read_some_rows, write_chunk

EMBEDDINGS = "embeddings.zarr"


def create_embeddings(folder: Path, *, rows: int, width: int, dtype: DTypeLike, chunk_rows: int) -> str:
    """Create the array (rows, width) without values; returns its metadata file, relative to `folder`."""
    create_rows(folder / EMBEDDINGS, rows=rows, width=width, dtype=dtype, chunk_rows=chunk_rows)
    return metadata_file(EMBEDDINGS)


def write_embeddings(folder: Path, start: int, vectors: NDArray[np.floating]) -> str:
    """Write the whole chunk that begins at row `start`; returns its file, relative to `folder`."""
    return write_chunk(folder, EMBEDDINGS, start, vectors)


def read_embeddings(embed: Committed, start: int, stop: int) -> NDArray[np.float32]:
    """float32 (stop - start, D). Raises: CorruptError for a chunk that is missing or differs from its receipt."""
    return read_rows(embed, EMBEDDINGS, start, stop).astype(np.float32, copy=False)


def read_some_embeddings(embed: Committed, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 (S, D), of the rows int64 (S,), ascending. Raises: CorruptError as `read_embeddings`."""
    return read_some_rows(embed, EMBEDDINGS, rows).astype(np.float32, copy=False)
