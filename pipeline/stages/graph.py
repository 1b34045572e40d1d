"""The graph stage: embeddings.zarr → neighbours.zarr, the K nearest neighbours of each row of the training split.

Index parts are built independently, each over its own rows. The search effort is calibrated once, on a sample with
exact neighbours; then tasks search ranges of rows in all parts. Last, the recall of the table is measured on other
rows.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...mining.errors import RecallError
from ...mining.neighbours import NeighbourTable
from ..artifacts.neighbours import create_neighbours, write_neighbours
from ..errors import SpecError
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import PROCESS_MIB, Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.graph import resolve_method, resolve_neighbours, starts_warm
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_json, published
from ..storage.receipts import Receipt
from .graph_cells import SEARCH_PHASE, build_cells, chunk_in_place, search_cells, search_tasks
from .graph_effort import (
    EFFORT_FILE,
    measure_effort,
    measure_recall,
    problem_of,
    read_effort,
    unreached,
)
from .graph_search import (
    INDEX_PHASE,
    build_part,
    index_file,
    part_memory_mib,
    part_ranges,
    parts_held,
    search_rows,
)


def _parents(spec: RunSpec, facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    embed = StageRef(ref.epoch, "embed")
    if ref.epoch is not None and starts_warm(spec, facts, ref):
        return embed, StageRef(spec.mined_before(ref.epoch)[-1], "graph")
    return (embed,)


def _keys(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> dict[str, Any]:
    keys = {**spec.graph.result_keys(), "neighbours": resolve_neighbours(spec, facts)}
    # Left out for runs that began before "auto" could choose cells, so that they can continue.
    return {"graph": keys | ({"auto": "cells"} if spec.graph.method == "auto" and facts.cells else {})}


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    graph, neighbours = spec.graph, resolve_neighbours(spec, facts)
    if neighbours >= facts.train:
        raise SpecError(
            f"graph.neighbours is {neighbours} but the training split has {facts.train} rows: "
            f"lower it to at most {facts.train - 1}"
        )
    if graph.parts > facts.train // (neighbours + 1):
        raise SpecError(
            f"graph.parts is {graph.parts} but the training split has {facts.train} rows, too few for more than "
            f"{neighbours} neighbours in each part: lower it to at most {facts.train // (neighbours + 1)}"
        )
    method = resolve_method(spec, facts).method
    if method == "cells" and graph.parts > 1:
        raise SpecError(
            f"graph.parts is {graph.parts} but cells are parts of their own: leave it at 1, or choose another "
            "graph.method"
        )
    part = part_memory_mib(spec, facts)
    row_bytes = neighbours * 12
    lookup = (
        PROCESS_MIB
        + part * parts_held(spec, facts)
        + min(graph.chunk_rows, facts.train) * row_bytes * 4 // 2**20
    )
    phases = [Phase("layout", (Task("layout", 0, 0, 0),), 1)]
    disk = facts.train * row_bytes
    approximate = method != "exact"
    if approximate:
        ranges = enumerate(part_ranges(graph.parts, facts.train))
        parts = tuple(Task(INDEX_PHASE, number, first, stop) for number, (first, stop) in ranges)
        phases += [
            # Besides: the sample of k-means, or what a graph allocates while it grows.
            Phase(INDEX_PHASE, parts, PROCESS_MIB + (part * 5 // 4 if method == "cells" else 2 * part)),
            Phase("effort", (Task("effort", 0, 0, 0),), lookup),
        ]
        disk += part * graph.parts * 2**20
    if method == "cells":
        searches = search_tasks(spec, facts)
        held = 300 + part + searches[0].rows * row_bytes * 4 // 2**20
        phases.append(Phase(SEARCH_PHASE, searches, held))
        disk += facts.train * (row_bytes + 4 * spec.encoder.embedding_dim)
    tables = split_rows("neighbours", facts.train, graph.chunk_rows)
    phases.append(Phase("neighbours", tables, lookup, reads_scratch=method == "cells"))
    if approximate:
        phases.append(Phase("recall", (Task("recall", 0, 0, 0),), lookup))
    return Plan(tuple(phases), disk)


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    match task.phase:
        case "layout":
            graph = job.spec.graph
            files = create_neighbours(
                job.folder,
                rows=job.facts.train,
                neighbours=resolve_neighbours(job.spec, job.facts),
                chunk_rows=graph.chunk_rows,
            )
            return TaskOutput(files, rows=0)
        case "index":
            name = index_file(task.index)
            with published(job.folder / name) as partial:
                report = _build(job, task, resources.threads, partial)
            return TaskOutput((name,), rows=task.rows, report=report)
        case "cells":
            return search_cells(job, task, resources.threads)
        case "effort":
            publish_json(job.folder / EFFORT_FILE, measure_effort(job, resources.threads))
            return TaskOutput((EFFORT_FILE,), rows=0)
        case "recall":
            return TaskOutput((), rows=0, report=measure_recall(job, resources.threads))
        case _:
            table, report = _look_up(job, task, resources.threads)
            return TaskOutput(write_neighbours(job.folder, task.start, table), rows=task.rows, report=report)


def _look_up(job: Job, task: Task, threads: int) -> tuple[NeighbourTable, dict[str, Any]]:
    """Search the task's rows. With graph.method = "auto", falls back to exact search if the index reaches too few rows:
    this can happen for rows outside the calibration sample."""
    if resolve_method(job.spec, job.facts).method == "cells":
        return chunk_in_place(job, task), {}
    effort = read_effort(job)
    try:
        return search_rows(job, task.start, task.stop, effort=effort, threads=threads), {}
    except RecallError as error:
        if job.spec.graph.method != "auto":
            where = f"for some of the rows {task.start} to {task.stop}"
            raise unreached(job, f"{problem_of(error)}, {where}", sparse=True) from error
        return search_rows(job, task.start, task.stop, effort=None, threads=threads), {
            "exact": problem_of(error)
        }


def _build(job: Job, task: Task, threads: int, path: Path) -> dict[str, float]:
    if resolve_method(job.spec, job.facts).method != "cells":
        return build_part(job, task, threads, path)
    return build_cells(job, task, threads, path)


def _report(job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    choice = resolve_method(job.spec, job.facts)
    report: dict[str, Any] = {
        "method": choice.method,
        "why": choice.why,
        # A part gives up a planned warm start if its vectors have moved too far.
        "warm": any(receipt.report.get("warm", False) for receipt in receipts),
        "neighbours": resolve_neighbours(job.spec, job.facts),
        "parts": job.spec.graph.parts,
        "recall": 1.0,
    }
    path = job.folder / EFFORT_FILE
    if path.exists():
        report |= json.loads(path.read_bytes())
    report |= {
        name: receipt.report[name]
        for receipt in receipts
        for name in ("recall", "recall_rows", "cells", "largest_cell")
        if name in receipt.report
    }
    remarks = _remarks(job, report)
    exact = [receipt.report["exact"] for receipt in receipts if "exact" in receipt.report]
    if exact:
        remarks.append(
            f"exact search of {len(exact)} of its chunks: {report['method']} was not good enough, {exact[0]}"
        )
    if remarks:
        report["remarks"] = remarks
    arrived = [receipt.report["arrived"] for receipt in receipts if "arrived" in receipt.report]
    return report | ({"arrived": min(arrived)} if arrived else {})


def _remarks(job: Job, report: Mapping[str, Any]) -> list[str]:
    """Remarks for the user about the search."""
    graph = job.spec.graph
    if report.get("effort", 0) is None:
        return [f"exact search: {report['why']}"]
    if report["recall"] >= graph.recall_target:
        return []
    remedy = f"raise graph.effort (now {report['effort']}), or remove it"
    if graph.effort is None:
        remedy = f"raise that a little, or set graph.effort (now {report['effort']})"
    return [
        f"the recall of its table, {report['recall']:.4f} on {report['recall_rows']} rows, is below "
        f"graph.recall_target = {graph.recall_target}: {remedy}, and redo it with {job.ref.redo}"
    ]


GRAPH = Stage("graph", _parents, _keys, _plan, _run_task, _report)
