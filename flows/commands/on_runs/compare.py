"""`tripletmine compare`: the results of several runs side by side."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug

if TYPE_CHECKING:
    from rich.table import Table

    from ....pipeline.run.comparison.compared import Compared, Line
    from ....pipeline.run.comparison.findings import Findings

_BUILT_IN = {"letters", "digits", "fashion-mnist"}
"""Bundled data sets. After runs on these alone, the next step is the user's own data."""


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Two or more run directories, or the run files that name them. All are compared with the first.",
            show_default=False,
        ),
    ],
    debug: Debug = False,
) -> None:
    """Compare metrics, settings and mined triplets of several runs.

    Says why if the metrics cannot be compared. Also works while a run is in progress.
    """
    with reporting(debug):
        from ....pipeline.errors import SpecError
        from ....pipeline.run.comparison.compared import lines_of, read_runs, settings_that_differ
        from ....pipeline.run.comparison.doubts import doubts_about
        from ....pipeline.runfile.load import run_root
        from ...terminal.tables import output, table

        if len(runs) < 2:
            raise SpecError(f"only {runs[0]} is given but a comparison needs two runs: name another one")
        compared = read_runs([run_root(run) for run in runs])
        doubts = doubts_about(compared)
        if doubts:
            say(f"Not comparable as they are: {'; '.join(doubts)}.\n")
        if len({run.status.spec.run.name for run in compared}) < len(compared):
            say("".join(f"{run.name}: {run.status.root}\n" for run in compared))
        console, names = output(), [run.name for run in compared]
        console.print(_figures(names, lines_of(compared)))
        say(
            "One run of each says little about a small difference: repeat them with other values of run.seed.\n"
        )
        differing = settings_that_differ([run.status.spec for run in compared])
        console.print(
            table(
                ("settings that differ", *names),
                [(each.key, *map(_value, each.values)) for each in differing] or [("none",)],
            )
        )
        for run in compared:
            _tell_findings(run)
        _tell_next(compared)


def _figures(names: Sequence[str], lines: "Iterable[Line]") -> "Table":
    """A table with a column for each run, and a column for the difference of each later run to the first."""
    from ...terminal.tables import table

    others = names[1:]
    titles = ["difference"] if len(others) == 1 else [f"difference to {other}" for other in others]
    return table(
        ("", *names, *titles),
        [(line.title, *_cells(line), *map(_difference, line.differences)) for line in lines],
    )


def _cells(line: "Line") -> "Iterator[str]":
    from ...terminal.tables import duration, figure

    for value in line.values:
        if value is None or line.kind == "metric":
            yield figure(value)
        else:
            yield duration(value) if line.kind == "seconds" else f"{value:,}"


def _difference(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"


def _value(value: Any) -> str:
    """The value as written in a run file; "not set" for None, which TOML cannot express."""
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)


def _tell_findings(run: "Compared") -> None:
    from ....pipeline.errors import PipelineError
    from ....pipeline.run.comparison.findings import findings_of

    if not run.total("mine", "counts.triplets"):
        return
    try:
        found = findings_of(run.status.root)
    except PipelineError as error:
        say(f"What {run.name} mined cannot be shown: {error}\n")
        return
    _tell_hardest(run, found)
    _tell_suspects(run, found)


def _tell_hardest(run: "Compared", found: "Findings") -> None:
    from ...terminal.tables import figure, output, table

    say(
        f"The hardest triplets that {run.name} mined in epoch {found.epoch}, {found.why}, one for each two classes."
    )
    say(
        "The negative is nearer to the anchor than the positive, which is of the anchor's class, or hardly farther."
    )
    output().print(
        table(
            ("anchor and positive", "negative", "d²(anchor, positive)", "d²(anchor, negative)"),
            [
                (each.anchor_label, each.negative_label, figure(each.sq_positive), figure(each.sq_negative))
                for each in found.hardest
            ],
            left=2,
        )
    )


def _tell_suspects(run: "Compared", found: "Findings") -> None:
    from ...terminal.tables import output, table

    if found.pairs is None:
        say("Suspects are not shown: run.keep.graph had the neighbours of all mined epochs deleted.\n")
        return
    if not (found.pairs or found.mislabelled):
        say("Suspects among its training rows: none.\n")
        return
    say(
        f"Suspects among its training rows: {found.mislabelled:,} lie among rows of another class, and "
        f"{found.pairs:,} pairs"
    )
    say("of rows look like one class under two labels. These labels are most often in such pairs:")
    output().print(
        table(
            ("label", "other label", "pairs"),
            [(each.label, each.other_label, f"{each.pairs:,}") for each in found.alike],
            left=2,
        )
    )
    say("Training cannot tell copies apart. Correct or merge such labels: all of them are listed by")
    say(f"`tripletmine suspects {run.status.root} --out DIR`. Until then mine.guards.duplicate_sq")
    say("refuses copies as negatives, and mine.exclude_suspects leaves out rows that lie in another class.\n")


def _tell_next(runs: "Sequence[Compared]") -> None:
    if {run.status.spec.data.kind for run in runs} <= _BUILT_IN:
        say("Next, with data of your own: a folder of images for each class, or a table, or vectors.")
        say("    tripletmine init image-folder     # or table, arrays; then set data.path in the file")
        say("    tripletmine check image-folder.toml")
        say("    tripletmine run image-folder.toml")
    else:
        say("Next:")
        for run in runs:
            say(f"    tripletmine status {run.status.root}")
