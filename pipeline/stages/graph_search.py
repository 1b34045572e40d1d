"""Neighbour search over a run's embeddings in parts, for the tasks of the graph stage.

Each part is a separate index over consecutive rows. A search queries the parts one after the other and merges the
results by (distance, id), so a set too large for a worker's memory needs only some parts in memory at a time.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...mining.errors import InputError
from ...mining.graphs.cells import index as cells
from ...mining.graphs.cells.index import CellsIndex
from ...mining.graphs.cells.partition import Partition
from ...mining.graphs.cells.rows import RowsByCell, map_rows, write_rows
from ...mining.graphs.exact import index as exact
from ...mining.graphs.merge import merge_into, merge_tables
from ...mining.graphs.methods import Index, build_index, index_bytes, load_index, with_effort
from ...mining.graphs.parameters import CellsParameters, ExactParameters, TraverseAddParameters
from ...mining.graphs.recall import RecallSample
from ...mining.graphs.remeasure import empty_table
from ...mining.graphs.traverse import build as traverse_add
from ...mining.graphs.traverse.build import TraverseAddIndex
from ...mining.neighbours import NeighbourTable
from ..artifacts.embeddings import read_embeddings, read_some_embeddings
from ..artifacts.neighbours import read_neighbours
from ..errors import CorruptError
from ..plan.stage import Job, RunFacts
from ..plan.work import Task
from ..resolve.graph import parameters_of, resolve_neighbours
from ..runfile.run_spec import RunSpec
from ..storage.committed import Committed
from ..storage.digest import digest_file
from ..storage.publish import published
from ..storage.receipts import task_stamp
from ..workers.opened import open_parts

INDEX_PHASE = "index"
_MIB = 2**20
_EXACT_BYTES = 32 * _MIB
"""Vectors that are searched exactly at once; more where a chunk of embeddings has more."""


def part_ranges(parts: int, rows: int) -> list[tuple[int, int]]:
    """(first row, last row + 1) of each part; sizes differ by one at most."""
    edges = [rows * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def index_file(part: int) -> str:
    """File of one part's index, relative to the stage's folder."""
    return f"index-{part:03d}.bin"


def part_memory_mib(spec: RunSpec, facts: RunFacts) -> int:
    """Memory of one open part: its vectors and its index. Cells have their vectors in a mapped file, all of which may
    be in memory."""
    rows = -(-facts.train // spec.graph.parts)
    width, parameters = spec.encoder.embedding_dim, parameters_of(spec, facts)
    vectors = 0 if isinstance(parameters, CellsParameters) else rows * width * 4
    return 1 + (vectors + index_bytes(rows, width, parameters)) // _MIB


def parts_held(spec: RunSpec, facts: RunFacts) -> int:
    """Parts that a process keeps open at once: all, unless graph.memory_mib allows fewer."""
    if spec.graph.memory_mib is None:
        return spec.graph.parts
    return max(1, min(spec.graph.parts, spec.graph.memory_mib // part_memory_mib(spec, facts)))


def build_part(job: Job, task: Task, threads: int, path: Path) -> dict[str, float]:
    """Build the index of rows task.start … task.stop and write it to `path`; returns figures for the report."""
    vectors = read_embeddings(job.parent("embed"), task.start, task.stop)
    parameters = parameters_of(job.spec, job.facts)
    if isinstance(parameters, TraverseAddParameters):
        index = _grow(job, task, vectors, parameters, threads)
        index.save(path)
        found = index.report
        return {"arrived": found.arrived, "mean_degree": found.mean_degree, "warm": found.warm}
    # Threads race to insert into an hnsw graph; only a single thread gives the same bytes every time.
    alone = 1 if job.spec.run.deterministic else threads
    build_index(vectors, parameters=parameters, seed=job.seed(task), threads=alone, first_id=task.start).save(
        path
    )
    return {}


def _grow(
    job: Job, task: Task, vectors: NDArray[np.float32], parameters: TraverseAddParameters, threads: int
) -> TraverseAddIndex:
    """A traverse-add graph, starting from the edges and neighbours of the previous graph if that is a parent."""
    previous = table = None
    if any(ref.stage == "graph" for ref in job.parent_digests):
        before = job.parent("graph")
        # Only the neighbour ids are used: the stored distances are of the earlier vectors.
        path = before.checked(index_file(task.index))
        previous = traverse_add.load(path, vectors, first_id=task.start, parameters=parameters)
        table = read_neighbours(before, task.start, task.stop)
    return traverse_add.build(
        vectors,
        parameters=parameters,
        seed=job.seed(task),
        threads=threads,
        first_id=task.start,
        warm_start=previous,
        warm_table=table,
    )


class PartedIndex:
    """All parts of a stage as one index (see index.Searchable). Parts are opened as they are searched."""

    def __init__(self, job: Job, effort: int | None) -> None:
        """effort: rows that a search keeps; None searches exactly, whatever kind the indexes are."""
        self._job = job
        self._effort = effort

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """The nearest rows of the training split. See index.Searchable."""
        found = []
        for part, (first, stop) in enumerate(part_ranges(self._job.spec.graph.parts, self._job.facts.train)):
            index = open_part(self._job, part, first, stop, exactly=self._effort is None)
            if self._effort is not None:
                index = with_effort(index, self._effort)
            found.append(
                index.search(
                    queries,
                    query_ids=query_ids,
                    neighbours=neighbours,
                    threads=threads,
                    memory_mib=memory_mib,
                )
            )
        return merge_tables(found, neighbours)

    def with_effort(self, effort: int) -> "PartedIndex":
        """The same parts with another search effort."""
        return PartedIndex(self._job, effort)


def search_rows(job: Job, start: int, stop: int, *, effort: int | None, threads: int) -> NeighbourTable:
    """The K nearest rows of the training split for rows start … stop."""
    return PartedIndex(job, effort).search(
        read_embeddings(job.parent("embed"), start, stop),
        query_ids=np.arange(start, stop, dtype=np.int64),
        neighbours=resolve_neighbours(job.spec, job.facts),
        threads=threads,
    )


def true_neighbours(job: Job, rows: NDArray[np.int64], threads: int) -> RecallSample:
    """A recall sample: the rows, int64 (S,), ascending, with their exact neighbours. Reads the vectors in blocks."""
    embed, neighbours = job.parent("embed"), resolve_neighbours(job.spec, job.facts)
    queries = read_some_embeddings(embed, rows)
    truth = empty_table(len(rows), neighbours)
    chunk = job.spec.embed.chunk_rows
    step = chunk * -(-_EXACT_BYTES // (4 * job.spec.encoder.embedding_dim * chunk))
    for start in range(0, job.facts.train, step):
        block = read_embeddings(embed, start, min(start + step, job.facts.train))
        index = exact.build(block, first_id=start)
        merge_into(truth, index.search(queries, query_ids=rows, neighbours=neighbours, threads=threads))
    return RecallSample(rows, queries, rows, truth)


def open_part(job: Job, part: int, first: int, stop: int, *, exactly: bool = False) -> Index:
    """The index of one part, opened unless this process has it open. exactly: an exact index instead.

    Raises: CorruptError if its file is not what its task wrote.
    """
    embed = job.parent("embed")
    path = job.folder / index_file(part)
    stamp = None if exactly else task_stamp(job.folder, Task(INDEX_PHASE, part, first, stop).name, path.name)
    # Keyed by content, to tell apart indexes of other epochs or other parameters.
    key = (embed.manifest.digest, "exact" if stamp is None else stamp.sha256, first, stop)
    rows_file = job.scratch / f"cells-{key[0][:16]}-{key[1][:16]}.rows"
    index = open_parts.pop(key, None)
    if isinstance(index, CellsIndex) and not rows_file.exists():
        index = None  # what it has mapped may be gone, too: on another machine, or deleted with the scratch folder
    if index is None:
        for other in [other for other in open_parts if other[0] != key[0]]:
            del open_parts[other]
        while len(open_parts) >= parts_held(job.spec, job.facts):
            open_parts.popitem(last=False)
        if stamp is not None and (not path.exists() or digest_file(path) != stamp.sha256):
            raise CorruptError(f"{path} differs from its receipt: redo it with {job.ref.redo}")
        parameters = job.spec.graph.build(ExactParameters) if exactly else parameters_of(job.spec, job.facts)
        if isinstance(parameters, CellsParameters):
            _, partition, lists = cells.read(path)
            rows = _rows_by_cell(rows_file, embed, partition, first, stop)
            index = CellsIndex(rows, partition, lists, first_id=first, parameters=parameters)
        else:
            vectors = read_embeddings(embed, first, stop)
            index = load_index(path, vectors, parameters=parameters, first_id=first)
    open_parts[key] = index
    return index


def _rows_by_cell(path: Path, embed: Committed, partition: Partition, first: int, stop: int) -> RowsByCell:
    """The rows first … stop in the order of their cells, mapped from this file, which lasts as long as the stage.

    The first process that needs the file writes it. If others do so at the same time, they write the same bytes.
    """
    try:
        return map_rows(path)
    except (OSError, InputError):
        with published(path) as partial:
            write_rows(partial, read_embeddings(embed, first, stop), partition)
        return map_rows(path)
