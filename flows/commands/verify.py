"""`tripletmine verify`: read every file of a run and compare it with its receipt."""

import typer

from ..errors import FAILED, reporting
from .arguments import Debug, RunDirectory, run_root


def verify(run: RunDirectory, debug: Debug = False) -> None:
    """Read every file of a run and compare it with its receipt.

    Ends with exit code 1 when anything is damaged or gone, and says which stage to redo.
    """
    with reporting(debug):
        from ...pipeline.verify import verify_run

        files = damaged = 0
        for stage in verify_run(run_root(run)):
            files += stage.files
            damaged += len(stage.problems)
            for problem in stage.problems:
                typer.echo(f"tripletmine: {problem}", err=True)
        if damaged:
            raise typer.Exit(FAILED)
        typer.echo(f"all {files} files are as their receipts say")
