"""Search by cells over a run's embeddings. Tasks search rows in cell order; the results are put in row order
afterwards.

The rows of such a task lie in a few cells and are compared with the same candidates, so matrix products are large and
read little memory. Tasks over consecutive rows would each have to read all cells.
"""

from pathlib import Path

import numpy as np

from ...mining.graphs.cells import index as cells
from ...mining.graphs.cells.index import CellsIndex
from ...mining.graphs.cells.partition import divide
from ...mining.graphs.cells.probing import list_cells
from ...mining.graphs.parameters import CellsParameters
from ...mining.graphs.remeasure import empty_table
from ...mining.neighbours import NeighbourTable
from ..artifacts.embeddings import read_embeddings
from ..artifacts.found_neighbours import keep_found, put_found
from ..errors import CorruptError
from ..plan.stage import Job, RunFacts
from ..plan.work import Task, TaskOutput, split_rows
from ..resolve.graph import parameters_of, resolve_neighbours
from ..runfile.run_spec import RunSpec
from ..storage.receipts import remove_receipt, task_report
from .graph_effort import read_effort
from .graph_search import PartedIndex, index_file, open_part

SEARCH_PHASE = "cells"

_MOST_ROWS = 65_536
"""Maximum number of rows of a task: some 300 cells."""

_LEAST_TASKS = 64
"""Minimum number of tasks for workers to share, if there are enough rows."""


def search_tasks(spec: RunSpec, facts: RunFacts) -> tuple[Task, ...]:
    """Ranges of rows in cell order. They do not depend on the workers."""
    rows = min(_MOST_ROWS, max(spec.graph.chunk_rows, -(-facts.train // _LEAST_TASKS)))
    return split_rows(SEARCH_PHASE, facts.train, rows)


def build_cells(job: Job, task: Task, threads: int, path: Path) -> dict[str, float]:
    """Divide all rows into cells, starting from the centres of the previous graph if that is a parent, and write these
    to `path`; returns figures for the report."""
    vectors = read_embeddings(job.parent("embed"), task.start, task.stop)
    parameters = parameters_of(job.spec, job.facts)
    assert isinstance(parameters, CellsParameters)
    warm = any(ref.stage == "graph" for ref in job.parent_digests)
    before = cells.read(job.parent("graph").checked(index_file(task.index)))[1].centres if warm else None
    partition = divide(
        vectors, cell_rows=parameters.cell_rows, seed=job.seed(task), threads=threads, warm_start=before
    )
    cells.write(path, partition, list_cells(partition.centres, threads=threads))
    sizes = np.bincount(partition.cell_of)
    return {"cells": len(sizes), "largest_cell": int(sizes.max()), "warm": warm}


def search_cells(job: Job, task: Task, threads: int) -> TaskOutput:
    """Search the neighbours of rows task.start … task.stop in cell order, and store them in the scratch folder."""
    effort = read_effort(job)
    if effort is None:  # exact search, which has no cell order
        rows = np.arange(task.start, task.stop, dtype=np.int64)
        queries = read_embeddings(job.parent("embed"), task.start, task.stop)
    else:
        index = open_part(job, 0, 0, job.facts.train)
        assert isinstance(index, CellsIndex)
        rows = np.sort(index.order[task.start : task.stop])
        queries = index.vectors_of(rows)
    found = PartedIndex(job, effort).search(
        queries, query_ids=rows, neighbours=resolve_neighbours(job.spec, job.facts), threads=threads
    )
    step = job.spec.graph.chunk_rows
    kept = keep_found(job.scratch, task.name, rows, found, step, -(-job.facts.train // step))
    return TaskOutput((), rows=len(rows), report={"scratch_sha256": kept})


def chunk_in_place(job: Job, task: Task) -> NeighbourTable:
    """A chunk of the neighbour table, collected from the results of all searches.

    Raises: CorruptError if some results are damaged; their receipts are removed, so that they are searched again.
    """
    table = empty_table(task.stop - task.start, resolve_neighbours(job.spec, job.facts))
    damaged = []
    for search in search_tasks(job.spec, job.facts):
        report = task_report(job.folder, search.name)
        if report is None or not put_found(
            job.scratch, search.name, report["scratch_sha256"], task.index, job.spec.graph.chunk_rows, table
        ):
            remove_receipt(job.folder, search.name)
            damaged.append(search.name)
    if damaged:
        raise CorruptError(
            f"what {damaged[0]} (and {len(damaged) - 1} more) left in {job.scratch} is gone or was damaged: start the "
            "same command again, it searches for those rows again"
        )
    return table
