"""Calibrate the effort with which a search reaches graph.recall_target, and measure the recall."""

import json
from typing import Any

from ...mining.errors import RecallError
from ...mining.graphs.cells.effort import calibrate_probes
from ...mining.graphs.cells.index import CellsIndex
from ...mining.graphs.recall import Calibration, RecallSample, calibrate, measure, recall_at_k
from ..artifacts.neighbours import NEIGHBOURS, read_some_neighbours, sampled_rows
from ..errors import SpecError
from ..plan.stage import Job
from ..resolve.graph import resolve_method
from .graph_search import PartedIndex, open_part, true_neighbours

EFFORT_FILE = "effort.json"


def read_effort(job: Job) -> int | None:
    """The effort found by `measure_effort`; 0 for an exact method, which needs none; None: search exactly instead."""
    path = job.folder / EFFORT_FILE
    if not path.exists():
        return 0
    effort = json.loads(path.read_bytes())["effort"]
    return None if effort is None else int(effort)


def measure_effort(job: Job, threads: int) -> dict[str, Any]:
    """The effort and the recall measured with it, JSON-ready, with all tried efforts.

    If graph.method is "auto" and the chosen method does not reach the target, the effort is None: the stage falls back
    to exact search, as recorded in "method" and "why".

    Raises: SpecError if a method named in the run file does not reach the target.
    """
    graph = job.spec.graph
    method = resolve_method(job.spec, job.facts).method
    sample = true_neighbours(
        job, sampled_rows(job.facts.train, graph.recall_sample, job.spec.run.seed), threads
    )
    try:
        if graph.effort is not None:
            recall = measure(PartedIndex(job, graph.effort), sample, threads=threads)
            return {"effort": graph.effort, "recall": recall, "recall_rows": len(sample.rows), "tried": []}
        found = _calibrated(job, sample, threads)
    except RecallError as error:
        tried, problem, sparse = [], problem_of(error), True
    else:
        tried = [{"effort": each, "recall": recall} for each, recall in found.tried]
        if found.reached:
            effort = found.tried[-1][0]
            return {
                "effort": effort,
                "recall": found.recall,
                "recall_rows": len(sample.rows),
                "tried": tried,
            }
        problem, sparse = (
            f"its recall is {found.recall:.4f} when a search {_far(method, found.tried[-1][0])}",
            False,
        )
    if graph.method == "auto":
        return {
            "effort": None,
            "recall": 1.0,
            "recall_rows": len(sample.rows),
            "tried": tried,
            "method": "exact",
            "why": f'{method}, which graph.method = "auto" chose, does not reach graph.recall_target = '
            f"{graph.recall_target}: {problem}",
        }
    raise unreached(job, problem, sparse=sparse)


def problem_of(error: RecallError) -> str:
    """The message of the error, without the remedy."""
    return str(error).partition(":")[0]


_DENSER = {
    "hnsw": "raise graph.m and graph.ef_construction",
    "traverse_add": "raise graph.walks and graph.max_degree",
}
"""How to give a graph more edges."""


def unreached(job: Job, problem: str, *, sparse: bool) -> SpecError:
    """The error for a method named in the run file that misses the recall target. sparse: at any effort."""
    graph, method = job.spec.graph, resolve_method(job.spec, job.facts).method
    remedies = ['choose graph.method = "exact" (or "auto", which goes over to it)']
    remedies += [] if sparse else ["lower graph.recall_target", "set graph.effort"]
    remedies += [_DENSER[method]] if method in _DENSER else []
    return SpecError(
        f"{method} does not reach graph.recall_target = {graph.recall_target} in {job.ref}, {problem}: "
        f"{', or '.join(remedies)}; then go on with {job.ref.redo}"
    )


def _calibrated(
    job: Job, sample: RecallSample, threads: int
) -> Calibration[CellsIndex] | Calibration[PartedIndex]:
    target = job.spec.graph.recall_target
    if resolve_method(job.spec, job.facts).method == "cells":
        index = open_part(job, 0, 0, job.facts.train)
        assert isinstance(index, CellsIndex)
        return calibrate_probes(index, sample, recall_target=target, threads=threads)
    return calibrate(
        PartedIndex(job, 0), PartedIndex.with_effort, sample, recall_target=target, threads=threads
    )


def _far(method: str, effort: int) -> str:
    return f"looks into {effort} cells" if method == "cells" else f"keeps {effort} rows"


def measure_recall(job: Job, threads: int) -> dict[str, Any]:
    """Recall of the finished table, measured on other rows than the calibration sample, on which it would be biased
    upwards."""
    if read_effort(job) is None:
        return {"recall": 1.0}
    graph = job.spec.graph
    rows = sampled_rows(job.facts.train, graph.recall_sample, job.spec.run.seed + 1)
    sample = true_neighbours(job, rows, threads)
    found = read_some_neighbours(job.folder / NEIGHBOURS, rows)
    return {"recall": recall_at_k(found, sample.truth), "recall_rows": len(rows)}
