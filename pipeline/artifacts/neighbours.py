"""neighbours.zarr: the neighbour table of the graph stage, a group of two arrays (ids, sq_distances)."""

from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray

from ...mining.neighbours import NeighbourTable
from ..errors import CorruptError
from ..plan.stage import Job
from ..storage.committed import Committed
from ..storage.manifest import read_manifest
from ..storage.regular import require_regular_within
from ..storage.row_arrays import create_group, create_rows, metadata_file, read_rows, write_chunk
from ..storage.zarr_chunks import ChunkError, missing_chunks, read_chunks

NEIGHBOURS = "neighbours.zarr"
_IDS = f"{NEIGHBOURS}/ids"
_SQ_DISTANCES = f"{NEIGHBOURS}/sq_distances"


def create_neighbours(folder: Path, *, rows: int, neighbours: int, chunk_rows: int) -> tuple[str, ...]:
    """Create the empty neighbour table. Returns its metadata files, relative to `folder`."""
    create_group(folder / NEIGHBOURS)
    for array, dtype in ((_IDS, np.int64), (_SQ_DISTANCES, np.float32)):
        create_rows(folder / array, rows=rows, width=neighbours, dtype=dtype, chunk_rows=chunk_rows)
    return metadata_file(NEIGHBOURS), metadata_file(_IDS), metadata_file(_SQ_DISTANCES)


def write_neighbours(folder: Path, start: int, table: NeighbourTable) -> tuple[str, ...]:
    """Write the chunk that begins at row `start`. Returns its files, relative to `folder`."""
    return (
        write_chunk(folder, _IDS, start, table.ids),
        write_chunk(folder, _SQ_DISTANCES, start, table.sq_distances),
    )


def read_neighbours(graph: Committed, start: int, stop: int) -> NeighbourTable:
    """Rows start to stop of a committed neighbour table, checked against receipts. Raises: CorruptError."""
    return NeighbourTable(
        ids=read_rows(graph, _IDS, start, stop), sq_distances=read_rows(graph, _SQ_DISTANCES, start, stop)
    )


def read_some_neighbours(path: Path, rows: NDArray[np.int64]) -> NeighbourTable:
    """Some rows of the neighbour table at `path`, of a stage or of a folder written by `tripletmine mine`.

    Receipts are not checked: this is for audits, which compare the rows with the true neighbours.
    Raises: CorruptError if chunks are missing or cannot be read.
    """
    ids, sq_distances = (_some_rows(path, name, rows) for name in ("ids", "sq_distances"))
    return NeighbourTable(ids, sq_distances)


def _some_rows(path: Path, name: str, rows: NDArray[np.int64]) -> NDArray:
    subject = path / name
    try:
        require_regular_within(subject)
        array = zarr.open_array(str(subject), mode="r", zarr_format=3)
        missing = missing_chunks(array)
        if missing is None:
            return read_chunks(array, rows)
        problem = f"lacks {missing.count:,} chunks, as {missing.first}"
    except ChunkError as error:
        problem = f"is damaged: {error}"
    except Exception as error:  # metadata of any form
        problem = f"cannot be read ({type(error).__name__}: {error})"
    raise CorruptError(f"{subject} {problem}: {_remedy(path.parent)}")


def _remedy(folder: Path) -> str:
    manifest = read_manifest(folder)
    return "mine again" if manifest is None else Committed(folder, manifest).remedy


def sampled_rows(rows: int, count: int, seed: int) -> NDArray[np.int64]:
    """A fixed random sample of `count` of `rows` rows, int64, ascending; all rows if there are fewer."""
    if count >= rows:
        return np.arange(rows, dtype=np.int64)
    return np.sort(np.random.default_rng([seed, rows]).choice(rows, count, replace=False)).astype(np.int64)


def rows_of_table(job: Job, rows: NDArray[np.int64]) -> NeighbourTable:
    """Some rows, ascending, of the job's neighbour table. Only one chunk is in memory at a time."""
    graph = job.parent("graph")
    step = job.spec.graph.chunk_rows
    ids, sq_distances = [], []
    for start in range(0, job.facts.train, step):
        stop = min(start + step, job.facts.train)
        wanted = rows[(rows >= start) & (rows < stop)] - start
        if len(wanted):
            table = read_neighbours(graph, start, stop)
            ids.append(table.ids[wanted])
            sq_distances.append(table.sq_distances[wanted])
    return NeighbourTable(np.concatenate(ids), np.concatenate(sq_distances))
