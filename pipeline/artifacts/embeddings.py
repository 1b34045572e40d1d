"""embeddings.zarr: the embeddings of the training split, stored with embed.dtype and read as float32.

Search and mining both use the stored values, so that all distances of a run are between the same vectors.
"""

from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..storage.committed import Committed
from ..storage.row_arrays import create_rows, metadata_file, read_rows, read_some_rows, write_chunk

EMBEDDINGS = "embeddings.zarr"


def create_embeddings(folder: Path, *, rows: int, width: int, dtype: DTypeLike, chunk_rows: int) -> str:
    """Create the empty array (rows, width). Returns its metadata file, relative to `folder`."""
    create_rows(folder / EMBEDDINGS, rows=rows, width=width, dtype=dtype, chunk_rows=chunk_rows)
    return metadata_file(EMBEDDINGS)


def write_embeddings(folder: Path, start: int, vectors: NDArray[np.floating]) -> str:
    """Write the whole chunk that begins at row `start`. Returns its file, relative to `folder`."""
    return write_chunk(folder, EMBEDDINGS, start, vectors)


def read_embeddings(embed: Committed, start: int, stop: int) -> NDArray[np.float32]:
    """Embeddings of rows start to stop, float32 (stop - start, D).

    Raises: CorruptError for a chunk that is missing or differs from its receipt.
    """
    return read_rows(embed, EMBEDDINGS, start, stop).astype(np.float32, copy=False)


def read_some_embeddings(embed: Committed, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Embeddings of some rows, float32 (S, D). rows: int64 (S,), ascending. Raises: as `read_embeddings`."""
    return read_some_rows(embed, EMBEDDINGS, rows).astype(np.float32, copy=False)
