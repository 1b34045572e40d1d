"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunFile = Annotated[Path, typer.Argument(metavar="RUN.toml", help="The run file.", show_default=False)]

RunDirectory = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="The run directory, or the run file that names it.", show_default=False
    ),
]

Triplets = Annotated[
    Path,
    typer.Argument(
        metavar="TRIPLETS",
        help="A folder that `tripletmine mine` wrote, a run directory or its run file, or the mine folder of an epoch.",
        show_default=False,
    ),
]

Epoch = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Which epoch of a run; by default the best on validation of those that have what is needed.",
        show_default=False,
    ),
]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
