"""Rows of the neighbour table in the order in which cells find them, in the graph stage's scratch folder.

A later phase puts them in place. Each task writes two files in NumPy's .npy format. The head has the row numbers, int64
(n,), ascending, and one checksum per chunk of the table, uint32 (chunks,), of the lines that belong to that chunk. The
lines file has one record per row. So a chunk of the table reads only its own lines of every task and can verify them.
The digests of the heads are in the receipts.
"""

import zlib
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...mining.compute.npy import npy_bytes
from ...mining.neighbours import NeighbourTable
from ..storage.digest import digest_file
from ..storage.publish import published


def keep_found(
    folder: Path, task: str, rows: NDArray[np.int64], found: NeighbourTable, chunk_rows: int, chunks: int
) -> str:
    """Publish the lines of some rows, ascending, for a table of `chunks` chunks. Returns the digest of the head."""
    records = np.empty(len(rows), _record(found.neighbours))
    records["ids"], records["sq_distances"] = found.ids, found.sq_distances
    bounds = np.searchsorted(rows, np.arange(chunks + 1) * chunk_rows)
    sums = np.array([_checksum(records[a:b]) for a, b in pairwise(bounds.tolist())], np.uint32)
    with published(_lines(folder, task)) as partial:
        partial.write_bytes(npy_bytes(records))
    with published(_head(folder, task)) as partial:
        partial.write_bytes(b"".join(map(npy_bytes, (rows, sums))))
    return digest_file(_head(folder, task))


def put_found(
    folder: Path, task: str, sha256: str, chunk: int, chunk_rows: int, into: NeighbourTable
) -> bool:
    """Copy the lines that a task found for one chunk of the table into that chunk, `into`.

    Returns False if the files are missing or damaged.
    """
    try:
        rows, sums = _read_head(_head(folder, task), sha256)
        first, stop = np.searchsorted(rows, (chunk * chunk_rows, (chunk + 1) * chunk_rows)).tolist()
        records = np.array(np.load(_lines(folder, task), mmap_mode="r", allow_pickle=False)[first:stop])
    except (OSError, ValueError, EOFError):
        return False
    if records.dtype != _record(into.neighbours) or _checksum(records) != sums[chunk]:
        return False
    places = rows[first:stop] - chunk * chunk_rows
    into.ids[places], into.sq_distances[places] = records["ids"], records["sq_distances"]
    return True


@lru_cache(maxsize=1024)
def _read_head(path: Path, sha256: str) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """The rows and checksums of a head. Raises: OSError, ValueError, EOFError if its digest is not `sha256`."""
    if digest_file(path) != sha256:
        raise ValueError(f"{path} differs from its receipt")
    with path.open("rb") as file:
        return np.load(file, allow_pickle=False), np.load(file, allow_pickle=False)


def _record(neighbours: int) -> np.dtype:
    return np.dtype([("ids", np.int64, (neighbours,)), ("sq_distances", np.float32, (neighbours,))])


def _checksum(records: NDArray[np.void]) -> int:
    return zlib.crc32(records.view(np.uint8).data) if len(records) else 0


def _head(folder: Path, task: str) -> Path:
    return folder / f"{task}.head.npy"


def _lines(folder: Path, task: str) -> Path:
    return folder / f"{task}.lines.npy"
