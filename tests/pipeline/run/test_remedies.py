"""The remedies in messages of a run's stages work, on the small stage of the runner's tests."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import Asked
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.run.directory import Run
from tripletmine.pipeline.run.runner import _MENDED, _SMALLER
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.stages.embed import EMBED
from tripletmine.pipeline.stages.evaluate import EVALUATE
from tripletmine.pipeline.stages.evaluate import test_stage as evaluation_at_the_end
from tripletmine.pipeline.stages.graph import GRAPH
from tripletmine.pipeline.stages.mine import MINE
from tripletmine.pipeline.stages.train import TRAIN
from tripletmine.pipeline.storage.manifest import Manifest, write_manifest
from tripletmine.pipeline.workers.base import DISK_REMEDIES
from tripletmine.pipeline.workers.serial import SerialExecutor

from ...remedies import Refusal
from ..runs import SMALL, small_spec
from .test_runner import FACTS, PARENT, REF, Faults, Killed, go, sums_stage


def begun(folder: Path) -> Run:
    """A run directory in which what the stage reads is committed."""
    write_manifest(PARENT.folder(folder), Manifest("numbers", 0, {"keys": 0}, (), {}))
    return Run(folder, small_spec(folder), FACTS)


def broken_off(run: Run, task: str) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({task: ("before", Killed())})))


def redone(run: Run) -> Run:
    """Set the stage aside, as --from-stage does."""
    StageFolder(run.root, REF).set_aside()
    return run


def without_parent(run: Run) -> Refusal:
    manifest = PARENT.folder(run.root) / "manifest.json"
    content = manifest.read_bytes()
    manifest.unlink()
    return Refusal(
        lambda: go(run),
        "reads numbers of epoch 0, which is not there: run it first (--from-stage numbers --epoch 0)",
        lambda: (manifest.write_bytes(content), go(run)),
    )


def lost_file(run: Run) -> Refusal:
    go(run)
    (REF.folder(run.root) / "rows-00001.json").unlink()
    return Refusal(
        lambda: go(run),
        "is gone or was cut short: redo it with --from-stage sums --epoch 1",
        lambda: go(redone(run)),
    )


def damaged_claim(run: Run) -> Refusal:
    broken_off(run, "rows-00002")
    (REF.folder(run.root) / "inputs.json").write_text("{")
    return Refusal(
        lambda: go(run),
        "inputs.json is damaged: redo sums of epoch 1 with --from-stage sums --epoch 1",
        lambda: go(redone(run)),
    )


def damaged_receipt(run: Run) -> Refusal:
    broken_off(run, "rows-00002")
    receipt = REF.folder(run.root) / "receipts" / "rows-00000.json"
    receipt.write_text("{}")

    def delete() -> None:
        receipt.unlink()
        assert go(run).tasks_kept == 2, "the layout, and rows-00001"

    return Refusal(lambda: go(run), f"{receipt} is not a receipt", delete)


def failed_task(run: Run) -> Refusal:
    faults = Faults({"rows-00001": ("before", RuntimeError("no luck"))})

    def again() -> None:
        assert go(run).tasks_kept == 4

    return Refusal(
        lambda: go(run, sums_stage(faults)), "the finished tasks are kept, the same command continues", again
    )


def small_machine(run: Run) -> Refusal:
    executor = SerialExecutor()
    executor.memory_mib = 9
    larger = SerialExecutor()
    larger.memory_mib = 10
    return Refusal(
        lambda: go(run, executor=executor), "start the run in a larger one", lambda: go(run, executor=larger)
    )


class Worker(SerialExecutor):
    """Counts its memory as a Dask worker does."""

    in_process = False

    def __init__(self, limit_mib: int) -> None:
        self.memory_mib = int(0.8 * limit_mib)


def small_worker(run: Run) -> Refusal:
    limit = "give it a limit of at least 13 MiB for each of its threads"
    return Refusal(lambda: go(run, executor=Worker(12)), limit, lambda: go(run, executor=Worker(13)))


@pytest.mark.parametrize(
    "case",
    [without_parent, lost_file, damaged_claim, damaged_receipt, failed_task, small_machine, small_worker],
)
def test_each_remedy_works(case: Callable[[Run], Refusal], tmp_path: Path) -> None:
    case(begun(tmp_path)).require(PipelineError)


@pytest.mark.parametrize("number", DISK_REMEDIES)
def test_once_the_disk_is_mended_the_same_command_continues(number: int, tmp_path: Path) -> None:
    run = begun(tmp_path)
    faults = Faults({"rows-00002": ("half-way", OSError(number, os.strerror(number)))})

    def continues() -> None:
        assert go(run).tasks_kept == 3

    says = f"{os.strerror(number)} (rows-00002 of sums of epoch 1): {DISK_REMEDIES[number]}, then the same command"
    Refusal(lambda: go(run, sums_stage(faults)), says, continues).require(PipelineError)


@pytest.mark.parametrize("name", _MENDED)
def test_what_an_earlier_version_did_otherwise_is_done_again(name: str, tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    go(run)
    now = sums_stage(keys=lambda spec, facts, ref: {"mine": spec.mine.result_keys(), name: "as now"})
    says = f"which {_MENDED[name]}: redo it with --from-stage sums --epoch 1, or start a new run.directory"
    Refusal(
        lambda: go(run, now), says, lambda: go(begun(tmp_path / "new"), now), lambda: go(redone(run), now)
    ).require(PipelineError)


def test_a_disk_without_room_is_given_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    with pytest.raises(
        PipelineError, match=r"needs (\d+) MiB of disk .* has 1 MiB free: free some"
    ) as caught:
        go(run)
    (needed,) = re.findall(r"needs (\d+) MiB", str(caught.value))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=int(needed) * 2**20))
    go(run)


LARGE: dict[str, dict[str, Any]] = {
    **SMALL,
    "embed": {"chunk_rows": 100_000, "batch_rows": 1000},
    "graph": {"method": "hnsw", "neighbours": 60, "chunk_rows": 100_000, "parts": 8, "memory_mib": 1024},
    "mine": {"chunk_rows": 100_000},
    "train": {**SMALL["train"], "classes_per_batch": 50, "images_per_class": 20},
}
STAGES = {stage.name: stage for stage in (EMBED, GRAPH, MINE, TRAIN, EVALUATE, evaluation_at_the_end(1))}
LOWERED: dict[str, list[dict[str, dict[str, Any]]]] = {
    "lower embed.chunk_rows or embed.batch_rows": [
        {"embed": {"chunk_rows": 1000}},
        {"embed": {"batch_rows": 10}},
    ],
    "raise graph.parts": [{"graph": {"parts": 80}}],
    "lower graph.chunk_rows, or raise graph.parts and set graph.memory_mib": [
        {"graph": {"chunk_rows": 1000}},
        {"graph": {"parts": 80, "memory_mib": 64}},
    ],
    "lower mine.chunk_rows": [{"mine": {"chunk_rows": 1000}}],
    "lower encoder.embedding_dim": [{"encoder": {"embedding_dim": 16}}],
    "lower train.embed_rows": [{"train": {"embed_rows": 10}}],
}


@pytest.mark.parametrize("name", _SMALLER)
def test_tasks_need_less_memory_with_what_makes_them_smaller(name: str, tmp_path: Path) -> None:
    stage, _, only = name.partition(", ")
    epoch = None if stage == "test" else 1
    facts = replace(
        FACTS,
        train=4_000_000,
        validation=400_000,
        test=400_000,
        item_shape=(64, 64),
        item_bytes=4096,
        protocols=tuple(Asked(split, 400_000, 0, 399_999) for split in ("validation", "test")),
    )

    def needed(changes: dict[str, dict[str, Any]]) -> int:
        sections = {section: {**LARGE[section], **changes.get(section, {})} for section in LARGE}
        plan = STAGES[stage].plan(parse_spec(sections, base=tmp_path), facts, StageRef(epoch, stage))
        # There is no advice for phases on the flow's own machine, except for training.
        phases = [phase for phase in plan.phases if stage == "train" or not phase.on_driver]
        return max(
            phase.memory_mib
            for phase in phases
            if (kind := phase.name.partition("-")[0]) == only
            or (not only and f"{stage}, {kind}" not in _SMALLER)
        )

    for changes in LOWERED[_SMALLER[name]]:
        assert needed(changes) < needed({}), changes
