"""`tripletmine verify`: compare every file of a run with its receipt."""

from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import FAILED, reporting
from ...terminal.plain import say
from ..arguments import Debug, RunDirectory


def verify(
    run: RunDirectory,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Recompute what is damaged, and nothing else if that is enough."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Read every file of a run and compare it with its receipt.

    Exits with code 1 if a file is damaged or missing, and says which stage to redo.
    """
    with reporting(debug, ["verify", str(run), "--repair"] if repair else ()):
        from ....pipeline.run.verify import verify_run
        from ....pipeline.runfile.load import run_root

        if repair:
            _repair(run)
        files = damaged = 0
        for stage in verify_run(run_root(run)):
            files += stage.files
            damaged += len(stage.problems)
            for problem in stage.problems:
                say(f"tripletmine: {problem}", err=True)
        if damaged:
            if not repair:
                say(f"next: tripletmine verify {run} --repair, which computes again what can be", err=True)
            raise typer.Exit(FAILED)
        say(f"all {files} files are as their receipts say")


def _repair(run: Path) -> None:
    from ....pipeline.artifacts.record import open_record
    from ....pipeline.run.repair import repair_run
    from ....pipeline.runfile.load import load_spec
    from ...opened_run import opened_spec
    from ...terminal.progress import TerminalProgress

    if run.suffix == ".toml":
        spec = load_spec(run)
    else:
        recorded = open_record(run)[0]
        # The directory given here, not the recorded one: the run may have been moved or copied.
        here = recorded.run.model_copy(update={"directory": str(run.resolve())})
        spec = recorded.model_copy(update={"run": here})
    with TerminalProgress() as progress, opened_spec(spec, progress, repair=True) as opened:
        for result in repair_run(opened.run, opened.executor, progress):
            tasks = result.tasks_run + result.tasks_kept
            progress.note(f"repaired {result.ref}: {result.tasks_run} of {tasks} tasks computed again")
