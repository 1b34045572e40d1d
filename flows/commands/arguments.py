"""Arguments and options that several commands share."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

Review = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Decisions on rows and pairs, CSV: decision,key,other_key,label.",
        show_default=False,
    ),
]

Labels = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Labels, one a row; where the vectors' file does not hold them."),
]

LabelSeparator = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What separates several labels of a row, as in cat|dog."),
]

Separator = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="What separates the cells of text files; by default a tab in .tsv, a comma in .csv.",
        show_default=False,
        # Shells hand on a tab that was typed.
        callback=lambda typed: "\t" if typed == "\\t" else typed,
    ),
]

CorpusValues = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="The same for each document, where --values has the queries.", show_default=False
    ),
]

TextColumn = Annotated[str, typer.Option(metavar="NAME", help="The column of these files.")]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


_WORDS = {"debug", "embeddings", "folder", "out", "triplets"}
"""Parameters that begin messages as what they are, as in "out of memory"."""


@contextmanager
def in_options(command: Callable[..., None]) -> Iterator[None]:
    """Errors that name a parameter of the command name its option instead."""
    from ...mining.errors import InputError
    from ...models.errors import ModelError
    from ...pipeline.errors import PipelineError
    from ...pipeline.runfile.keys import renamed

    names = inspect.signature(command).parameters.keys() - _WORDS
    try:
        yield
    except (InputError, ModelError, PipelineError) as error:
        raise type(error)(
            renamed(str(error), {name: f"--{name.replace('_', '-')}" for name in names})
        ) from error


def named_columns(given: Sequence[str]) -> dict[str, str]:
    """Raises: SpecError for what is no OURS=THEIRS, and for a name of ours that is there twice."""
    from ...pipeline.errors import SpecError

    named: dict[str, str] = {}
    for each in given:
        ours, equals, theirs = each.partition("=")
        if not (ours and equals and theirs):
            raise SpecError(f"columns is {each!r} but must name one, as label=category: correct it")
        if ours in named:
            raise SpecError(f"columns names {ours} twice, {named[ours]!r} and {theirs!r}: leave one")
        named[ours] = theirs
    return named
