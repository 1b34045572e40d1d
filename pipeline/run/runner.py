"""Run a stage: skip it if it is committed, else check its inputs, run its tasks and commit."""

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...mining.compute.machine import machine_memory_mib
from ..errors import StaleError, UnavailableError
from ..plan.refs import StageRef, manifest_of
from ..plan.stage import Job, Stage
from ..plan.work import Phase, Plan
from ..storage.digest import digest_json
from ..storage.journal import note_event
from ..storage.manifest import SCHEMA, Manifest
from ..storage.publish import remove_partials
from ..storage.receipts import Receipt, damaged_files, misfits
from ..workers.base import Executor, perform, require_memory
from ..workers.opened import release_parts
from ..workers.serial import SerialExecutor
from .directory import Run
from .progress import Progress

_DISK_RESERVE = 64 * 2**20
"""Free bytes required on top, for the journal, logs and Prefect's records."""

_SMALLER = {
    "embed": "lower embed.chunk_rows or embed.batch_rows",
    "graph": "lower graph.chunk_rows, or raise graph.parts and set graph.memory_mib",
    "graph, index": "raise graph.parts",
    "mine": "lower mine.chunk_rows",
    "train": "lower train.embed_rows",
    "evaluate": "lower embed.chunk_rows or embed.batch_rows",
    "test": "lower embed.chunk_rows or embed.batch_rows",
    "evaluate, search": "lower encoder.embedding_dim",
    "test, search": "lower encoder.embedding_dim",
}
"""How to reduce the memory of the tasks of a stage, or of one phase of it."""

_MENDED = {
    "images_per_row": "showed as many images in an epoch of stored triplets as there are rows",
    "labels": "used only the first label of a row, where some have several",
    "candidates": "judged candidates for k on suspects, too, which mining leaves out",
    "protocols": "made no use of role and group, which rows of this run have",
}
"""Result keys whose behaviour a later version corrected, and the earlier behaviour; no run file can restore it."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """The outcome of one stage."""

    ref: StageRef
    manifest: Manifest
    skipped: bool
    tasks_run: int
    tasks_kept: int
    seconds: float


def run_stage(run: Run, stage: Stage, ref: StageRef, executor: Executor, progress: Progress) -> StageResult:
    """Run one stage until it is committed, doing only what is missing.

    Raises: StaleError if existing results were made from other inputs; CorruptError if existing results are damaged;
    UnavailableError if memory, disk or a parent is missing; what the tasks raise.
    """
    started = time.monotonic()
    job = make_job(run, stage, ref)
    inputs = inputs_of(job, stage)
    plan = stage.plan(run.spec, run.facts, ref)
    rows = sum(task.rows for phase in plan.phases for task in phase.tasks)

    if ref.epoch is None:
        _supersede(job)
    manifest = _committed(job, inputs)
    if manifest is not None:
        progress.stage_started(str(ref), rows, rows)
        progress.stage_ended(str(ref), 0.0, True)
        return StageResult(ref, manifest, True, 0, plan.tasks, time.monotonic() - started)

    kept = _claim(job, inputs, progress)
    _check_means(plan, executor, job)
    progress.stage_started(str(ref), rows, sum(_rows_kept(phase, kept) for phase in plan.phases))
    receipts = dict(kept)
    for phase in plan.phases:
        receipts.update(_run_phase(job, stage, phase, receipts, executor, progress))
    release_parts()  # of the graph, as large as the vectors: no other stage searches
    ordered = tuple(receipts[task.name] for phase in plan.phases for task in phase.tasks)
    manifest = Manifest(ref.stage, ref.epoch, inputs, ordered, stage.report(job, ordered))
    job.stage_folder.commit(manifest)

    seconds = time.monotonic() - started
    note_event(run.root, "committed", stage=ref.stage, epoch=ref.epoch, seconds=round(seconds, 3))
    job.stage_folder.tidy()
    for remark in manifest.report.get("remarks", ()):
        note_event(run.root, "remark", stage=ref.stage, epoch=ref.epoch, text=remark)
        progress.note(f"{ref}: {remark}")
    progress.stage_ended(str(ref), seconds, False)
    return StageResult(ref, manifest, False, plan.tasks - len(kept), len(kept), seconds)


def make_job(run: Run, stage: Stage, ref: StageRef) -> Job:
    """The job of a stage, with the digests of the parents as they are now."""
    digests: dict[StageRef, str] = {}
    for parent in stage.parents(run.spec, run.facts, ref):
        manifest = manifest_of(run.root, parent)
        if manifest is None:
            raise UnavailableError(f"{ref} reads {parent}, which is not there: run it first ({parent.redo})")
        digests[parent] = manifest.digest
    return Job(root=run.root, spec=run.spec, facts=run.facts, ref=ref, parent_digests=digests)


def inputs_of(job: Job, stage: Stage) -> dict[str, Any]:
    """Everything that a stage's result depends on, in readable form; its digest is the fingerprint."""
    return {
        "schema": SCHEMA,
        "keys": {**stage.keys(job.spec, job.facts, job.ref), "run": job.spec.run.result_keys()},
        "data": job.facts.data_digest,
        "encoder": job.facts.encoder_digest,
        "parents": {str(ref): digest for ref, digest in sorted(job.parent_digests.items())},
    }


def _supersede(job: Job) -> None:
    """Set an older test aside if another epoch is best by now, as in a run that was continued."""
    manifest = manifest_of(job.root, job.ref)
    there = manifest.inputs if manifest else job.stage_folder.claim()
    if (
        there
        and "parents" in there
        and set(there["parents"]) != {str(parent) for parent in job.parent_digests}
    ):
        job.stage_folder.set_aside()


def _committed(job: Job, inputs: Mapping[str, Any]) -> Manifest | None:
    manifest = manifest_of(job.root, job.ref)
    if manifest is None:
        return None
    _refuse_other(job, manifest.inputs, inputs)
    if job.stage_folder.pruned:
        return manifest
    lost = [name for receipt in manifest.receipts for name in misfits(job.folder, receipt)]
    if lost:
        others = f" (and {len(lost) - 1:,} more)" if lost[1:] else ""
        raise UnavailableError(
            f"{job.folder / lost[0]}{others} of {job.ref} is gone or was cut short: redo it with {job.ref.redo}, or "
            f"repair it with `tripletmine verify {job.root} --repair`"
        )
    job.stage_folder.tidy()
    return manifest


def _claim(job: Job, inputs: Mapping[str, Any], progress: Progress) -> dict[str, Receipt]:
    """Claim the stage's folder; returns the receipts of tasks that an earlier try with the same inputs finished.

    Their files are verified, and damaged tasks run again.
    """
    there = job.stage_folder.claim()
    if there is None or (not job.stage_folder.has_work and digest_json(there) != digest_json(inputs)):
        # The second case: the first try failed before it finished a task, and the run file was corrected since.
        job.stage_folder.begin(inputs)
        return {}
    _refuse_other(job, there, inputs)
    remove_partials(job.folder)
    kept = {}
    for task, receipt in job.stage_folder.receipts().items():
        damaged = damaged_files(job.folder, receipt)
        if damaged:
            progress.note(
                f"{job.folder / damaged[0]} differs from its receipt: {task} of {job.ref} runs again"
            )
            note_event(
                job.root, "damaged", stage=job.ref.stage, epoch=job.ref.epoch, task=task, files=damaged
            )
        else:
            kept[task] = receipt
    return kept


def _refuse_other(job: Job, there: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    if digest_json(there) == digest_json(now):
        return
    name, before, after = _first_difference(there, now)
    if name in _MENDED and before == "None":
        raise StaleError(
            f"{job.ref} in {job.root} was made by an earlier version, which {_MENDED[name]}: redo it with "
            f"{job.ref.redo}, or start a new run.directory"
        )
    raise StaleError(
        f"{job.ref} in {job.root} was made with {name} = {before}, and now {name} is {after}: "
        f"set it back, redo it with {job.ref.redo}, or start a new run.directory"
    )


def _first_difference(there: Any, now: Any, name: str = "") -> tuple[str, str, str]:
    if isinstance(there, Mapping) and isinstance(now, Mapping):
        for key in sorted({*there, *now}):
            if there.get(key) != now.get(key):
                inner = key if name in ("", "keys") else f"{name}.{key}"
                return _first_difference(there.get(key), now.get(key), inner)
    return name, str(there), str(now)


def _check_means(plan: Plan, executor: Executor, job: Job) -> None:
    """Raises: UnavailableError if memory or disk does not suffice. Called before the work begins."""
    for phase in plan.phases:
        if phase.on_driver and phase.memory_mib > machine_memory_mib():
            raise UnavailableError(
                f"{job.ref} ({phase.name}) needs {phase.memory_mib} MiB but this machine or container has "
                f"{machine_memory_mib()} MiB: start the run in a larger one"
                + (f", or {_SMALLER['train']}" if job.ref.stage == "train" else "")
            )
        if not phase.on_driver:
            of_stage = _SMALLER.get(job.ref.stage, "lower chunk_rows")
            kind = phase.name.partition("-")[0]
            smaller = _SMALLER.get(f"{job.ref.stage}, {kind}", of_stage)
            settings = "[cluster] worker_memory_mib and workers"
            require_memory(executor, phase.memory_mib, f"{job.ref} ({phase.name})", smaller, settings)
    free, needed = shutil.disk_usage(job.folder).free, plan.disk_bytes + _DISK_RESERVE
    if needed > free:
        raise UnavailableError(
            f"{job.ref} needs {math.ceil(needed / 2**20)} MiB of disk ({_DISK_RESERVE >> 20} of them to spare) but "
            f"{job.root} has {free >> 20} MiB free: free some, or lower run.keep"
        )


def _run_phase(
    job: Job,
    stage: Stage,
    phase: Phase,
    kept: Mapping[str, Receipt],
    executor: Executor,
    progress: Progress,
) -> dict[str, Receipt]:
    todo = [task for task in phase.tasks if task.name not in kept]
    if not todo:
        return {}
    where: Executor = SerialExecutor() if phase.on_driver else executor
    if phase.on_driver and not executor.in_process:
        # Local workers would keep their encoders in memory that training needs.
        executor.release()
    ticked = 0

    def tick(rows: int) -> None:
        nonlocal ticked
        ticked += rows
        progress.advance(rows)

    # Only tasks in this process can report rows as they go; workers report whole tasks.
    report_rows = tick if where.in_process else _unheard
    call = partial(perform, stage, job, where.threads(len(todo)), tick=report_rows)
    done: dict[str, Receipt] = {}
    for outcome in where.run(call, todo):
        done[outcome.task.name] = outcome.receipt
        note_event(
            job.root,
            "task",
            stage=job.ref.stage,
            epoch=job.ref.epoch,
            task=outcome.task.name,
            rows=outcome.receipt.rows,
            seconds=round(outcome.seconds, 3),
            host=outcome.host,
            pid=outcome.pid,
        )
        progress.advance(outcome.task.rows - ticked)
        ticked = 0
    return done


def _unheard(rows: int) -> None:
    """Ignore progress on a worker."""


def _rows_kept(phase: Phase, kept: Mapping[str, Receipt]) -> int:
    return sum(task.rows for task in phase.tasks if task.name in kept)
