"""Whole runs in this process, and what they leave on disk.

As a script, given a spec as JSON, it finishes that run, for tests that kill it meanwhile.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor
from tripletmine.models.batches.batch import Batch
from tripletmine.models.train.trainer import StepRecord, Trainer
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.directory import Run, open_run
from tripletmine.pipeline.run.epochs import TEST, epochs_to_run, final_stage, wants_test
from tripletmine.pipeline.run.retention import prune
from tripletmine.pipeline.run.runner import StageResult, run_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.receipts import Receipt, write_receipt
from tripletmine.pipeline.workers.base import Executor
from tripletmine.pipeline.workers.open import open_executor

KEEP_ALL = {"embeddings": "all", "graph": "all", "triplets": "all", "checkpoints": "all"}

NOT_COMPARED = {"journal.jsonl", "run.json", ".lock"}
"""Times, hosts, paths and process ids: the only files that may differ between two runs of the same spec."""

SMALL: dict[str, dict[str, Any]] = {
    "run": {"name": "digits", "epochs": 2, "deterministic": True, "keep": KEEP_ALL},
    "data": {"kind": "digits"},
    "encoder": {"embedding_dim": 32},
    "embed": {"chunk_rows": 100, "batch_rows": 50},
    "graph": {"neighbours": 60, "chunk_rows": 100, "parts": 2},
    "mine": {"chunk_rows": 100},
    "train": {
        "batches": "neighbourhood",
        "classes_per_batch": 10,
        "images_per_class": 10,
        "checkpoint_steps": 3,
    },
    "evaluate": {"nmi": False},
}
"""Digits with chunks so small that every stage has several tasks: one warm-up epoch, one that mines."""


def small_spec(base: Path, **changes: dict[str, Any]) -> RunSpec:
    """The small run with other values in some sections, as `small_spec(base, mine={"margin": 0.3})`."""
    sections = {name: {**SMALL.get(name, {}), **changes.get(name, {})} for name in {*SMALL, *changes}}
    return parse_spec(sections, base=base)


@dataclass
class Recorded:
    """A progress that remembers what it was told."""

    started: list[tuple[str, int, int]] = field(default_factory=list)
    advanced: int = 0
    ended: list[tuple[str, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins."""
        self.started.append((title, rows, done))

    def advance(self, rows: int) -> None:
        """More rows are done."""
        self.advanced += rows

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """A stage is done."""
        self.ended.append((title, skipped))

    def note(self, text: str) -> None:
        """Something for a person."""
        self.notes.append(text)


def finish(spec: RunSpec) -> list[StageResult]:
    """Run or continue a spec to its end, as the command line does without Prefect."""
    with opened(spec) as (run, executor):
        return finish_opened(run, executor)


class Killed(BaseException):
    """No `except Exception` sees it."""


def finish_broken(spec: RunSpec, monkeypatch: pytest.MonkeyPatch, *, at_step: int = 18) -> None:
    """Finish a run that is killed once before a training step, by default in the second epoch, beyond a checkpoint."""
    step = Trainer.step
    taken = 0

    def counted(trainer: Trainer, batch: Batch, images: Tensor) -> StepRecord:
        nonlocal taken
        taken += 1
        if taken == at_step:
            raise Killed
        return step(trainer, batch, images)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", counted)
        with pytest.raises(Killed):
            finish(spec)
    finish(spec)


@contextmanager
def opened(spec: RunSpec) -> Iterator[tuple[Run, Executor]]:
    """A run directory and the executor of its spec."""
    with open_run(spec) as run, open_executor(spec.cluster, run.root) as executor:
        yield run, executor


def with_work(spec: RunSpec) -> None:
    """Let a task of the first stage be finished, so that other data would cost the run something."""
    write_receipt(StageRef(0, "train").folder(spec.root), Receipt("epoch-00000", 1, {}))


def finish_opened(run: Run, executor: Executor) -> list[StageResult]:
    """All stages of an open run, in order."""
    results: list[StageResult] = []
    progress = Recorded()
    for epoch in epochs_to_run(run.root, run.spec):
        refs = zip(epoch.refs, epoch.stages, strict=True)
        results += [run_stage(run, stage, ref, executor, progress) for ref, stage in refs]
        prune(run, epoch.number)
    if wants_test(run.spec, run.facts):
        results.append(run_stage(run, final_stage(run.root, run.spec), TEST, executor, progress))
    return results


def artifacts(root: Path) -> dict[str, str]:
    """Every file below a run directory that two runs of the same spec have in common → its SHA-256."""
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in NOT_COMPARED
    }


def differences(one: Path, other: Path) -> list[str]:
    """Names of the files that one of two run directories lacks, or that differ."""
    left, right = artifacts(one), artifacts(other)
    return sorted(name for name in {*left, *right} if left.get(name) != right.get(name))


if __name__ == "__main__":
    finish(RunSpec.model_validate_json(sys.argv[1]))
