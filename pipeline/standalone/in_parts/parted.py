"""The tasks of a search in parts on workers.

The search works as in the graph stage of a run, on any vectors: each part is an index over consecutive rows. A task
searches the parts one after the other for a block of queries, and merges the results by (distance, id). A worker holds
the vectors of one part at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....mining.compute.memory import Budget
from ....mining.compute.npy import npy_bytes
from ....mining.defaults import SAMPLE_ROWS
from ....mining.graphs.merge import merge_tables
from ....mining.graphs.methods import (
    Index,
    Parameters,
    build_index,
    index_bytes,
    load_index,
    method_of,
)
from ....mining.graphs.parameters import ExactParameters
from ....mining.graphs.recall import Asked, drawn_rows, recall_at_k
from ....mining.graphs.steps import Search, calibrated, part_ranges
from ....mining.graphs.traverse.build import TraverseAddIndex
from ....mining.neighbours import NO_ROW, NeighbourTable
from ...plan.work import Task, split_rows
from ...storage.publish import published
from ...storage.vector_file import VectorFile
from ...workers.opened import open_parts

_LEAST_TASKS = 64
"""Minimum number of tasks for workers to share, if there are enough queries."""
_LEAST_ROWS, _MOST_ROWS = 1024, 16_384
"""Limits for the queries of a task: enough that reading the parts takes little time compared with searching them."""
_SHARE_OF_QUERIES = 8
"""Queries and their results may take 1/8 of the memory."""


@dataclass(frozen=True, slots=True)
class PartedSearch:
    """The data of the tasks of one search.

    scratch: a folder with a unique name that all workers see. queries: the queries; None searches for the corpus
    itself.
    own: .npy file of int64 (Q,), the rows of the corpus that are the queries themselves, if any. threads: maximum of a
    task; None for all its threads. memory_mib: memory of a worker on top of its process.
    """

    scratch: Path
    corpus: VectorFile
    queries: VectorFile | None
    own: Path | None
    neighbours: int
    recall_target: float
    parts: int
    parameters: Parameters
    seed: int
    threads: int | None
    memory_mib: int

    @property
    def asked(self) -> VectorFile:
        """The vectors whose neighbours are searched."""
        return self.corpus if self.queries is None else self.queries

    @property
    def exact(self) -> bool:
        """Whether the search is exact: no indexes are built, and no recall is measured."""
        return isinstance(self.parameters, ExactParameters)

    def parts_of(self, phase: str) -> tuple[Task, ...]:
        """A task for each part."""
        ranges = part_ranges(self.corpus.rows, self.parts)
        return tuple(Task(phase, part, first, stop) for part, (first, stop) in enumerate(ranges))

    def blocks(self) -> tuple[Task, ...]:
        """Ranges of queries. They do not depend on the number of workers."""
        row_bytes = 12 * self.neighbours + self.asked.row_bytes + 8
        most = max(1, (self.memory_mib << 20) // _SHARE_OF_QUERIES // row_bytes)
        rows = min(_MOST_ROWS, max(_LEAST_ROWS, -(-self.asked.rows // _LEAST_TASKS)), most)
        return split_rows("search", self.asked.rows, rows)

    def own_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 (R,): the row that each of these queries must not find, −1 for none."""
        if self.queries is None:
            return rows
        if self.own is None:
            return np.full(len(rows), NO_ROW, np.int64)
        return np.array(np.load(self.own, mmap_mode="r", allow_pickle=False)[rows])

    def search(
        self, queries: NDArray[np.float32], own: NDArray[np.int64], threads: int, *, exactly: bool = False
    ) -> NeighbourTable:
        """The nearest rows of the corpus. queries: float32 (R, D). own: int64 (R,)."""
        left = self.left_mib(len(queries))
        found = (
            index.search(queries, query_ids=own, neighbours=self.neighbours, threads=threads, memory_mib=left)
            for index in self._indexes(exactly)
        )
        return merge_tables(list(found), self.neighbours)

    def lines(self, start: int, stop: int) -> NeighbourTable:
        """Lines start to stop of the table, whose blocks have been searched."""
        found = [
            self._found(block)[max(start - block.start, 0) : stop - block.start]
            for block in self.blocks()
            if block.start < stop and block.stop > start
        ]
        records = np.concatenate([np.empty(0, self._record), *found])
        return NeighbourTable(
            np.ascontiguousarray(records["ids"]), np.ascontiguousarray(records["sq_distances"])
        )

    def some_lines(self, rows: NDArray[np.int64]) -> NeighbourTable:
        """Some lines of the table. rows: ascending."""
        found = [
            self._found(block)[rows[(rows >= block.start) & (rows < block.stop)] - block.start]
            for block in self.blocks()
        ]
        records = np.concatenate(found)
        return NeighbourTable(
            np.ascontiguousarray(records["ids"]), np.ascontiguousarray(records["sq_distances"])
        )

    def keep(self, block: Task, found: NeighbourTable) -> None:
        """Write the lines of a block. Raises: OSError."""
        records = np.empty(len(found), self._record)
        records["ids"], records["sq_distances"] = found.ids, found.sq_distances
        with published(self._lines_file(block)) as partial:
            partial.write_bytes(npy_bytes(records))

    def index_file(self, part: int) -> Path:
        """The index file of one part."""
        return self.scratch / f"index-{part:05d}.bin"

    def taken_by_part(self) -> int:
        """Bytes of the vectors and the index of one part."""
        rows = -(-self.corpus.rows // self.parts)
        return rows * self.corpus.row_bytes + index_bytes(rows, self.corpus.width, self.parameters)

    def as_one(self, threads: int, memory_mib: int | None = None) -> Search:
        """The search as done in one process. Vectors are memory-mapped, so only those used are read."""
        corpus = self.corpus.mapped()
        asked = corpus if self.queries is None else self.queries.mapped()
        own = self.own_rows(np.arange(self.asked.rows, dtype=np.int64))
        return Search(
            corpus,
            Asked(asked, own),
            self.neighbours,
            self.recall_target,
            self.parts,
            threads,
            self.seed,
            memory_mib,
        )

    def left_mib(self, queries: int) -> float | None:
        """Memory in MiB left for a search of this many queries, its result included. Raises: InputError if none is
        left."""
        budget = Budget(self.memory_mib, f"a search by {method_of(self.parameters)}")
        budget = budget.take(self.taken_by_part(), "one part of the vectors and its index")
        budget = budget.take(queries * (self.asked.row_bytes + 8), "a block of queries")
        if self.parts > 1:
            budget = budget.take(12 * queries * self.neighbours, "what was found in other parts")
        return budget.left_mib

    def _indexes(self, exactly: bool) -> Iterator[Index]:
        """The indexes of all parts, opened one after the other. The process keeps the last one open."""
        parameters = ExactParameters() if exactly else self.parameters
        for task in self.parts_of("part"):
            key = str(self.scratch), str(parameters), task.start, task.stop
            index = open_parts.pop(key, None)
            if index is None:
                open_parts.clear()
                vectors = self.corpus.read(task.start, task.stop)
                path = self.index_file(task.index)
                index = load_index(path, vectors, parameters=parameters, first_id=task.start)
            open_parts[key] = index
            yield index

    @property
    def _record(self) -> np.dtype:
        shape = (self.neighbours,)
        return np.dtype([("ids", np.int64, shape), ("sq_distances", np.float32, shape)])

    def _lines_file(self, block: Task) -> Path:
        return self.scratch / f"found-{block.index:05d}.npy"

    def _found(self, block: Task) -> NDArray[np.void]:
        return np.load(self._lines_file(block), mmap_mode="r", allow_pickle=False)


def build_part(job: PartedSearch, threads: int, task: Task) -> float | None:
    """Build the index of a part and write it. Returns the share of arriving random walks for traverse_add, else
    None."""
    vectors = job.corpus.read(task.start, task.stop)
    index = build_index(
        vectors,
        parameters=job.parameters,
        seed=job.seed,
        threads=_threads(job, threads),
        first_id=task.start,
    )
    with published(job.index_file(task.index)) as partial:
        index.save(partial)
    return index.report.arrived if isinstance(index, TraverseAddIndex) else None


def measure_effort(
    job: PartedSearch, threads: int, task: Task
) -> tuple[Parameters, tuple[tuple[int, float], ...]]:
    """Parameters with which the first part reaches the recall target, and the tried efforts. Raises: RecallError."""
    part = job.corpus.read(task.start, task.stop)
    index = load_index(job.index_file(task.index), part, parameters=job.parameters, first_id=task.start)
    found = calibrated(index, part, job.as_one(_threads(job, threads)), job.left_mib(SAMPLE_ROWS))
    return found.index.parameters, found.tried


def search_block(job: PartedSearch, threads: int, task: Task) -> int:
    """Search a block of queries and write the results. Returns the number of the block."""
    rows = np.arange(task.start, task.stop, dtype=np.int64)
    queries = job.asked.read(task.start, task.stop)
    job.keep(task, job.search(queries, job.own_rows(rows), _threads(job, threads)))
    return task.index


def measure_recall(job: PartedSearch, threads: int, _task: Task) -> tuple[float, int]:
    """Recall of the table on sampled queries, other than those of the calibration, and the number of these queries."""
    rows = drawn_rows(job.asked.rows, SAMPLE_ROWS, job.seed + 1)
    exactly = replace(job, parameters=ExactParameters())
    truth = exactly.search(job.asked.some(rows), job.own_rows(rows), _threads(job, threads))
    return recall_at_k(job.some_lines(rows), truth), len(rows)


def _threads(job: PartedSearch, threads: int) -> int:
    return threads if job.threads is None else min(job.threads, threads)
