"""How far a search must go to reach the recall that the run file asks for."""

import json
from typing import Any

from ...mining.graphs.recall import calibrate, measure
from ..artifacts.neighbours import sampled_rows
from ..errors import SpecError
from ..plan.stage import Job
from .graph_search import PartedIndex, true_neighbours

EFFORT_FILE = "effort.json"


def read_effort(job: Job) -> int:
    """What `measure_effort` found for this stage; exact search needs none."""
    path = job.folder / EFFORT_FILE
    return int(json.loads(path.read_bytes())["effort"]) if path.exists() else 0


def measure_effort(job: Job, threads: int) -> dict[str, Any]:
    """Effort and the recall measured with it, JSON-ready; all tries are listed.

    Raises: SpecError when the graph does not reach the target.
    """
    graph = job.spec.graph
    sample = true_neighbours(
        job, sampled_rows(job.facts.train, graph.recall_sample, job.spec.run.seed), threads
    )
    if graph.effort is not None:
        recall = measure(PartedIndex(job, graph.effort), sample, threads=threads)
        return {"effort": graph.effort, "recall": recall, "recall_rows": len(sample.rows), "tried": []}
    found = calibrate(
        PartedIndex(job, 0),
        PartedIndex.with_effort,
        sample,
        recall_target=graph.recall_target,
        threads=threads,
    )
    effort = found.tried[-1][0]
    if not found.reached:
        raise SpecError(
            f"the recall of {job.ref} is {found.recall:.4f} when a search keeps {effort} rows, below "
            f"graph.recall_target = {graph.recall_target}: raise graph.m and graph.ef_construction (hnsw) or "
            "graph.walks and graph.max_degree (traverse_add), lower graph.recall_target, or set graph.effort yourself"
        )
    return {
        "effort": effort,
        "recall": found.recall,
        "recall_rows": len(sample.rows),
        "tried": [{"effort": each, "recall": recall} for each, recall in found.tried],
    }
