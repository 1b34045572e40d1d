"""The resources of a run in progress, opened in the right order and always closed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..pipeline.errors import CorruptError, PipelineError, SpecError
from ..pipeline.plan.refs import StageRef, manifest_of
from ..pipeline.plan.stage import Stage
from ..pipeline.redact import has_secret, redacted
from ..pipeline.run.directory import Run, open_run
from ..pipeline.run.epochs import TEST, EpochPlan, epochs_to_run, final_stage, stops_before, wants_test
from ..pipeline.run.progress import Progress
from ..pipeline.run.retention import prune
from ..pipeline.run.runner import StageResult, run_stage
from ..pipeline.runfile.load import load_spec
from ..pipeline.runfile.run_spec import RunSpec
from ..pipeline.training.trial import try_out
from ..pipeline.workers.base import Executor
from ..pipeline.workers.open import open_executor
from ..pipeline.workers.opened import data_of
from .environment import QUIET_DASK, environment, unless_set


@dataclass(frozen=True)
class OpenedRun:
    """A locked run directory, the executor of its tasks, and the progress to report to."""

    run: Run
    executor: Executor
    progress: Progress

    @property
    def name(self) -> str:
        """run.name of the run file."""
        return self.run.spec.run.name

    @property
    def epochs(self) -> Iterator[EpochPlan]:
        """The epochs of the run, warm-up included. Early stopping is decided while iterating."""
        return epochs_to_run(self.run.root, self.run.spec)

    @property
    def wants_test(self) -> bool:
        """Whether the run ends with an evaluation on the test split."""
        return wants_test(self.run.spec, self.run.facts)

    def is_committed(self, epoch: EpochPlan) -> bool:
        """Whether all stages of the epoch have a manifest. Only `stage` checks that they match the run file."""
        return all(manifest_of(self.run.root, ref) is not None for ref in epoch.refs)

    @property
    def is_finished(self) -> bool:
        """Whether every stage of the run is committed, the test included."""
        return _is_finished(self.run)

    def stage(self, stage: Stage, epoch: EpochPlan) -> StageResult:
        """Run one stage of an epoch until it is committed, or check that it already is."""
        return run_stage(self.run, stage, StageRef(epoch.number, stage.name), self.executor, self.progress)

    def end_epoch(self, epoch: EpochPlan) -> None:
        """After a complete epoch: note if nothing was mined or the run stops early, and delete what run.keep does not
        keep."""
        spec = self.run.spec
        mined = (
            manifest_of(self.run.root, StageRef(epoch.number, "mine")) if spec.mines(epoch.number) else None
        )
        what, instead = ("pair", "all pairs") if spec.loss.of_pairs else ("triplet", "class-balanced batches")
        if mined is not None and not mined.report["counts"][f"{what}s"]:
            self.progress.note(
                f"epoch {epoch.number} mined no {what}: none that k admits violates the loss. It was trained on "
                f"{instead}"
            )
        prune(self.run, epoch.number)
        if epoch.number + 1 < spec.run.epochs and stops_before(self.run.root, spec, epoch.number + 1):
            self.progress.note(
                f"the run ends with epoch {epoch.number}, after {spec.run.patience} without a better "
                f"{spec.evaluate.select} on validation: raise run.patience to go on"
            )

    def test(self) -> StageResult:
        """Evaluate the test split with the checkpoint of the epoch that is best on validation."""
        stage = final_stage(self.run.root, self.run.spec)
        return run_stage(self.run, stage, TEST, self.executor, self.progress)

    def report(self) -> None:
        """Write the page of the run into its directory if run.report is set. A failure is only noted, since the run
        itself has succeeded."""
        if not self.run.spec.run.report:
            return
        from ..pipeline.report.report import write_report

        out = self.run.root / "report.html"
        try:
            write_report(self.run.root, out, note=self.progress.note)
            self.progress.note(f"wrote {out}")
        except PipelineError as error:
            self.progress.note(f"run.report: there is no page: {error}")


@contextmanager
def opened_run(
    run_file: Path,
    progress: Progress,
    *,
    executor: str | None = None,
    new_data: bool = False,
    redone: StageRef | None = None,
) -> Iterator[OpenedRun]:
    """Open the run of a run file.

    executor: overrides [cluster], see `with_executor`. new_data, redone: see `open_run`.
    Raises: PipelineError, before any work begins.
    """
    spec = with_executor(load_spec(run_file), executor)
    with opened_spec(spec, progress, new_data=new_data, redone=redone) as opened:
        yield opened


@contextmanager
def opened_spec(
    spec: RunSpec,
    progress: Progress,
    *,
    repair: bool = False,
    new_data: bool = False,
    redone: StageRef | None = None,
) -> Iterator[OpenedRun]:
    """Open the run of a spec. repair, new_data, redone: see `open_run`.

    Raises: PipelineError, before any work begins.
    """
    with (
        environment(unless_set(QUIET_DASK)),
        open_run(spec, progress.note, repair=repair, new_data=new_data, redone=redone) as run,
    ):
        if not repair and not _is_finished(run):
            # Finds errors in encoder and losses now, not hours later in the stage that would fail.
            try_out(run.spec, run.facts, data_of(run.root, run.spec, run.facts.data_digest))
        with open_executor(spec.cluster, run.root, progress.note) as opened:
            yield OpenedRun(run, opened, progress)


def _is_finished(run: Run) -> bool:
    try:
        tested = not wants_test(run.spec, run.facts) or manifest_of(run.root, TEST) is not None
        return tested and all(
            manifest_of(run.root, ref) is not None
            for epoch in epochs_to_run(run.root, run.spec)
            for ref in epoch.refs
        )
    except CorruptError:
        return False  # the damaged stage reports this when its turn comes, unless it is redone


def with_executor(spec: RunSpec, executor: str | None) -> RunSpec:
    """The spec with another executor: "serial", "local" or a Dask scheduler's address. None changes nothing.

    Raises: SpecError for anything else.
    """
    if executor is None:
        return spec
    if executor in ("serial", "local"):
        where = {"kind": executor, "address": None}
    elif has_secret(executor):
        raise SpecError(
            f"--executor {redacted(executor)} has credentials in it, which would be kept and shown: give the "
            "scheduler's address without them"
        )
    elif "://" in executor:
        where = {"kind": "dask", "address": executor}
    else:
        raise SpecError(
            f"--executor is {executor!r} but must be serial, local or a Dask scheduler's address: "
            "write for example tcp://127.0.0.1:8786"
        )
    return spec.model_copy(update={"cluster": spec.cluster.model_copy(update=where)})
