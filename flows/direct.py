"""A run without Prefect: it needs no server and no `flows` extra, and is recorded only in its run directory."""

from pathlib import Path

from ..pipeline.run.progress import Progress, Silent
from ..pipeline.run.status import RunStatus, read_status
from ..pipeline.runfile.load import run_root
from .opened_run import OpenedRun, opened_run


def run_directly(opened: OpenedRun) -> None:
    """Run all stages of all epochs in order, then the test."""
    for epoch in opened.epochs:
        for stage in epoch.stages:
            opened.stage(stage, epoch)
        opened.end_epoch(epoch)
    if opened.wants_test:
        opened.test()
    opened.report()


def run(run_file: str | Path, *, executor: str | None = None, progress: Progress | None = None) -> RunStatus:
    """Start a run or continue it where it stopped, as `tripletmine run --no-prefect` does. Returns its status.

    With local workers, call it under ``if __name__ == "__main__":``, because the workers import the calling program.

    Args:
        run_file: The TOML file.
        executor: "serial", "local" or a Dask scheduler's address; overrides [cluster] of the run file.
        progress: Is told of stages, rows and remarks; by default nothing is.

    Raises:
        PipelineError: For errors in the run file, the data or the run's files.
        InputError: For errors in vectors or settings of mining.
        ModelError: For errors in the encoder, the losses or training.
    """
    with opened_run(Path(run_file), progress or Silent(), executor=executor) as opened:
        run_directly(opened)
    return read_status(opened.run.root)


def status(run: str | Path) -> RunStatus:
    """The progress and metrics of a run: stages, sizes, k and metrics by epoch. Also works during the run.

    Args:
        run: The run directory, or the run file that names it.

    Raises:
        SpecError: If `run` is neither.
    """
    return read_status(run_root(Path(run)))
