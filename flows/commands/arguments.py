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
        help="A folder written by `tripletmine mine`, a run directory or its run file, or the mine folder of an epoch.",
        show_default=False,
    ),
]

Epoch = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Epoch of a run; default: the best on validation among the epochs that have the needed files.",
        show_default=False,
    ),
]

Review = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV file of decisions on rows and pairs: decision,key,other_key,label.",
        show_default=False,
    ),
]

Labels = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="File of labels, one per row, if the file of vectors has none."),
]

LabelSeparator = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Separator between several labels of a row, e.g. | for cat|dog."),
]

Separator = Annotated[
    str | None,
    typer.Option(
        metavar="CHARACTER",
        help="Separator between the cells of text files; default: tab for .tsv, comma for .csv.",
        show_default=False,
        # A tab is hard to type in a shell, so "\t" is accepted.
        callback=lambda typed: "\t" if typed == "\\t" else typed,
    ),
]

CorpusValues = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Like --values, for the documents; --values then has the queries.",
        show_default=False,
    ),
]

TextColumn = Annotated[
    str, typer.Option(metavar="NAME", help="The column to read from --values and --corpus-values.")
]

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


_WORDS = {"debug", "embeddings", "folder", "out", "triplets"}
"""Parameters that are not renamed, because messages also use them as ordinary words, as in "out of memory"."""


@contextmanager
def in_options(command: Callable[..., None]) -> Iterator[None]:
    """Within the block, error messages name the command's options (--k-hardness) instead of parameters (k_hardness)."""
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
    """The values of --columns as a mapping from our names to the names in the file.

    Raises: SpecError for a value that is not OURS=THEIRS, and for a repeated OURS.
    """
    from ...pipeline.errors import SpecError

    named: dict[str, str] = {}
    for each in given:
        ours, equals, theirs = each.partition("=")
        if not (ours and equals and theirs):
            raise SpecError(
                f"columns is {each!r} but must have the form OURS=THEIRS, as label=category: correct it"
            )
        if ours in named:
            raise SpecError(f"columns names {ours} twice, {named[ours]!r} and {theirs!r}: leave one")
        named[ours] = theirs
    return named
