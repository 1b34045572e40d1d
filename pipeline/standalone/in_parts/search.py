"""Run the phases of a search in parts on workers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ....mining.compute.threads import usable_threads
from ....mining.graphs.build import GraphReport
from ....mining.graphs.choose import parts_within
from ....mining.graphs.methods import Parameters, method_of
from ....mining.graphs.parameters import ExactParameters
from ....mining.graphs.steps import by_method
from ...errors import UnavailableError
from ...plan.work import Task
from ...workers.base import Executor
from .parted import PartedSearch, build_part, measure_effort, measure_recall, search_block

Left = TypeVar("Left")


def search_on_workers(
    job: PartedSearch, executor: Executor, method: str, *, held: int, memory_mib: int | None
) -> tuple[GraphReport, PartedSearch]:
    """Search all queries of the job. Returns the report, and the job with the chosen parameters, whose `lines` give the
    results.

    method, memory_mib: as given by the user; "auto" chooses as it does without workers. held: number of lines of the
    table that would be in memory at once without workers.

    Raises: UnavailableError if an index does not fit into a worker; what searches and tasks raise.
    """
    search = job.as_one(job.threads or usable_threads(), memory_mib)

    def run(parameters: Parameters, why: str) -> tuple[GraphReport, PartedSearch]:
        tuned = _fitted(job, parameters)
        if tuned is not None:
            return _searched(tuned, executor, why)
        found = method_of(parameters)
        if method != "auto":
            raise UnavailableError(
                f"method is {method!r}, and its index over {job.corpus.rows:,} vectors of width {job.corpus.width} "
                f"does not fit into half of the {job.memory_mib:,} MiB that a worker has for it: raise memory_mib, or "
                "give method = 'exact', which is searched in parts"
            )
        problem = f"{found}, which auto chose first, does not fit into half of the {job.memory_mib:,} MiB of a worker"
        return _searched(_exact(job), executor, problem)

    return by_method(search, method, run, held=held)


def _fitted(job: PartedSearch, parameters: Parameters) -> PartedSearch | None:
    """The job with these parameters; None if its index does not fit into a worker. Exact search may use any number of
    parts; a graph in more parts would find other neighbours."""
    if isinstance(parameters, ExactParameters):
        return _exact(job)
    least = _least_parts(job, method_of(parameters))
    return replace(job, parameters=parameters) if least <= job.parts else None


def _exact(job: PartedSearch) -> PartedSearch:
    return replace(job, parameters=ExactParameters(), parts=max(job.parts, _least_parts(job, "exact")))


def _least_parts(job: PartedSearch, method: str) -> int:
    rows, width = job.corpus.rows, job.corpus.width
    return parts_within(rows, width, job.neighbours, method=method, memory_mib=job.memory_mib)


def _searched(job: PartedSearch, executor: Executor, why: str) -> tuple[GraphReport, PartedSearch]:
    tried: tuple[tuple[int, float], ...] = ()
    arrived: list[float | None] = []
    if not job.exact:
        first, *others = job.parts_of("index")
        arrived += _done(executor, build_part, job, [first])
        ((parameters, tried),) = _done(executor, measure_effort, job, [replace(first, phase="effort")])
        job = replace(job, parameters=parameters)
        arrived += _done(executor, build_part, job, others)
    _done(executor, search_block, job, job.blocks())
    recall, recall_rows = 1.0, 0
    if not job.exact:
        ((recall, recall_rows),) = _done(
            executor, measure_recall, job, [Task("recall", 0, 0, job.asked.rows)]
        )
    least = min((share for share in arrived if share is not None), default=None)
    report = GraphReport(
        method_of(job.parameters), why, job.parts, job.parameters, recall, recall_rows, tried, least
    )
    return report, job


def _done(
    executor: Executor,
    function: Callable[[PartedSearch, int, Task], Left],
    job: PartedSearch,
    tasks: Sequence[Task],
) -> list[Left]:
    """The results of the tasks, in any order."""
    return list(executor.run(partial(function, job, executor.threads(len(tasks))), tasks)) if tasks else []
