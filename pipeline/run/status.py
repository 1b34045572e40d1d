"""The status of a run, read from its directory. Nothing is written, so it also works while the run is in progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifacts.record import open_record
from ..artifacts.scores import best_of, epochs_there
from ..errors import PipelineError
from ..plan.refs import StageRef
from ..plan.stage import RunFacts, Stage
from ..plan.stage_folder import StageFolder
from ..runfile.run_spec import RunSpec
from ..stages.evaluate import test_stage
from ..storage.journal import read_events
from .epochs import TEST, epochs_to_run, wants_test


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage. state: "waiting", "begun", "committed", "pruned" or "damaged".

    tasks_done of tasks; seconds of work (None before the commit); bytes on disk; report of the manifest.
    """

    ref: StageRef
    state: str
    tasks_done: int
    tasks: int
    seconds: float | None
    bytes: int
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EpochStatus:
    """One epoch: its stages, the k it mined with (None if it did not mine), its validation metrics.

    met_share: share of the mined triplets whose three rows met in one batch; None if it was not counted.

    protocols: name → metrics of everything else that was evaluated, as validation by role and group, or the test.
    """

    number: int
    warm_up: bool
    stages: tuple[StageStatus, ...]
    k_hardness: float | None
    met_share: float | None
    validation: Mapping[str, Any]
    protocols: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The progress and the metrics of a run.

    Attributes:
        root: The run directory.
        spec: The run file, as it was last opened.
        facts: Rows, classes and protocols of the data.
        epochs: In order, each with its stages, k and metrics.
        test: The test at the end; None if the run has none.
    """

    root: Path
    spec: RunSpec
    facts: RunFacts
    epochs: tuple[EpochStatus, ...]
    test: StageStatus | None

    @property
    def stages(self) -> tuple[StageStatus, ...]:
        """The stages of all epochs, and the test."""
        return (
            *(stage for epoch in self.epochs for stage in epoch.stages),
            *((self.test,) if self.test else ()),
        )

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(stage.state in ("committed", "pruned") for stage in self.stages)

    @property
    def bytes(self) -> int:
        """Size of all artifacts."""
        return sum(stage.bytes for stage in self.stages)

    @property
    def best(self) -> int | None:
        """The epoch with the best validation metric so far."""
        return _best(self.spec, self.epochs)


def read_status(root: Path) -> RunStatus:
    """The status of a run directory."""
    spec, facts = open_record(root)
    spec = _with_all_epochs(root, spec)
    seconds = _seconds(root)
    epochs = []
    for epoch in epochs_to_run(root, spec):
        stages = tuple(
            _stage_status(root, stage, StageRef(epoch.number, stage.name), spec, facts, seconds)
            for stage in epoch.stages
        )
        reports = {stage.ref.stage: stage.report for stage in stages}
        evaluated = reports["evaluate"]
        epochs.append(
            EpochStatus(
                number=epoch.number,
                warm_up=epoch.warm_up,
                stages=stages,
                k_hardness=reports.get("mine", {}).get("k_hardness"),
                met_share=reports.get("train", {}).get("mined_met_share"),
                validation=evaluated.get("validation", {}),
                protocols={name: figures for name, figures in evaluated.items() if name != "validation"},
            )
        )
    test = None
    if wants_test(spec, facts):
        best = _best(spec, epochs)
        stage = None if best is None else test_stage(best)
        test = _stage_status(root, stage, TEST, spec, facts, seconds)
    return RunStatus(root, spec, facts, tuple(epochs), test)


def _with_all_epochs(root: Path, spec: RunSpec) -> RunSpec:
    """The spec with run.epochs raised to the epochs already evaluated: after lowering run.epochs, their results still
    count."""
    evaluated = [
        number for number in epochs_there(root) if StageFolder(root, StageRef(number, "evaluate")).committed
    ]
    last = max(evaluated, default=-1)
    if last < spec.run.epochs:
        return spec
    return spec.model_copy(update={"run": spec.run.model_copy(update={"epochs": last + 1})})


def _best(spec: RunSpec, epochs: Sequence[EpochStatus]) -> int | None:
    """As `scores.best_epoch`, but ignores damaged evaluations: the status must show them, not fail."""
    key = spec.evaluate.select
    return best_of((epoch.number, epoch.validation[key]) for epoch in epochs if key in epoch.validation)


def _stage_status(
    root: Path,
    stage: Stage | None,
    ref: StageRef,
    spec: RunSpec,
    facts: RunFacts,
    seconds: Mapping[tuple[int | None, str], float],
) -> StageStatus:
    folder = StageFolder(root, ref)
    tasks = stage.plan(spec, facts, ref).tasks if stage else 0
    try:
        manifest = folder.manifest()
    except PipelineError:
        return StageStatus(ref, "damaged", 0, tasks, None, 0, {})
    if manifest is None:
        return StageStatus(ref, folder.state, folder.tasks_done(), tasks, None, 0, {})
    return StageStatus(
        ref=ref,
        state=folder.state,
        tasks_done=len(manifest.receipts),
        tasks=len(manifest.receipts),
        seconds=seconds.get((ref.epoch, ref.stage)),
        bytes=0 if folder.pruned else manifest.bytes,
        report=manifest.report,
    )


def _seconds(root: Path) -> dict[tuple[int | None, str], float]:
    """Seconds of the try that committed each stage, by (epoch, stage).

    The journal has no digest, so lines with implausible values are ignored.
    """
    total: dict[tuple[int | None, str], float] = {}
    for event in read_events(root):
        match event:
            case {
                "event": "committed",
                "stage": str(stage),
                "epoch": int() | None as epoch,
                "seconds": int() | float() as seconds,
            } if 0 <= seconds < float("inf"):
                total[epoch, stage] = seconds
            case _:
                pass
    return total
