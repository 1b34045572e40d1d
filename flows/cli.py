"""The command line: one small file for each command, under `commands/`.

Nothing heavy is imported before a command is chosen, so that help appears at once.
"""

from typing import Annotated

import typer

from .commands.audit import audit
from .commands.check import check
from .commands.export import export
from .commands.init import init
from .commands.inspect import inspect
from .commands.mine import mine
from .commands.run import run
from .commands.serve import serve
from .commands.status import status
from .commands.suspects import suspects
from .commands.triplets import triplets
from .commands.verify import verify

app = typer.Typer(
    name="tripletmine",
    no_args_is_help=True,
    add_completion=False,
    # Plain help and plain errors, which also start faster than panels.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# In the order in which they are met.
for command in (init, check, run, status, inspect, export, verify, serve, mine, audit, suspects, triplets):
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
    app()
