"""The same run without Prefect: nothing is recorded elsewhere, and a run needs no server and no `flows` extra."""

from pathlib import Path

from ..pipeline.run.progress import Progress, Silent
from ..pipeline.run.status import RunStatus, read_status
from ..pipeline.runfile.load import run_root
from .opened_run import OpenedRun, opened_run


def run_directly(opened: OpenedRun) -> None:
    """All stages of all epochs in order, then the test."""
    for epoch in opened.epochs:
        for stage in epoch.stages:
            opened.stage(stage, epoch)
        opened.end_epoch(epoch)
    if opened.wants_test:
        opened.test()
    opened.report()


def run(run_file: str | Path, *, executor: str | None = None, progress: Progress | None = None) -> RunStatus:
    """Start a run or continue it where it stopped, as `tripletmine run --no-prefect` does. Returns what came of it.

    With local workers call it under ``if __name__ == "__main__":``, since they import the calling program.

    Args:
        run_file: The TOML file.
        executor: "serial", "local" or a Dask scheduler's address, instead of the run file's [cluster].
        progress: Hears of stages, rows and remarks; by default nobody does.

    Raises:
        PipelineError: For the run file, the data and the run's files.
        InputError: For vectors and settings of mining.
        ModelError: For encoder, losses and training.
    """
    with opened_run(Path(run_file), progress or Silent(), executor=executor) as opened:
        run_directly(opened)
    return read_status(opened.run.root)


def status(run: str | Path) -> RunStatus:
    """How far a run is and how good: stages, sizes, k and metrics by epoch. May be asked while the run is at work.

    Args:
        run: Its directory, or the run file that names it.

    Raises:
        SpecError: For anything else.
    """
    return read_status(run_root(Path(run)))
