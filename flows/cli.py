"""The command line. Each command has its own module under `commands/`.

Slow imports happen inside the commands, so that help appears at once.
"""

from typing import Annotated

import typer

from .commands.doctor import doctor
from .commands.on_runs.check import check
from .commands.on_runs.compare import compare
from .commands.on_runs.export import export
from .commands.on_runs.init import init
from .commands.on_runs.inspect import inspect
from .commands.on_runs.report import report
from .commands.on_runs.run import run
from .commands.on_runs.serve import serve
from .commands.on_runs.status import status
from .commands.on_runs.verify import verify
from .commands.on_triplets.audit import audit
from .commands.on_triplets.cluster import cluster
from .commands.on_triplets.mine import mine
from .commands.on_triplets.review import review
from .commands.on_triplets.suspects import suspects
from .commands.on_triplets.triplets import triplets
from .terminal.plain import print_anywhere

app = typer.Typer(
    name="tripletmine",
    no_args_is_help=True,
    add_completion=False,
    # Plain help and errors start faster than panels.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# In the order in which a new user needs them; `--help` lists them in this order.
for command in (
    *(init, check, run, status, inspect, compare, report, export, verify, serve),
    *(mine, audit, suspects, review, triplets, cluster),
    doctor,
):
    app.command()(command)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tripletmine {version('tripletmine')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Mine the triplets that still teach, over the whole training set, every epoch."""


def main() -> None:
    """The console script."""
    print_anywhere()
    app()
