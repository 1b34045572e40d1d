"""`tripletmine inspect`: show what an epoch mined."""

from typing import TYPE_CHECKING, Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, RunDirectory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ....pipeline.run.inspection import Inspection


def inspect(
    run: RunDirectory,
    epoch: Epoch = None,
    hardest: Annotated[
        int, typer.Option(min=1, metavar="COUNT", help="Number of hardest triplets to show.")
    ] = 10,
    debug: Debug = False,
) -> None:
    """Show what an epoch mined: counts, distances, hardest triplets."""
    with reporting(debug):
        from ....pipeline.run.inspection import PERCENTILES, inspect_epoch
        from ....pipeline.runfile.load import run_root
        from ...terminal.tables import figure, output, table

        found = inspect_epoch(run_root(run), epoch, hardest=hardest)
        console = output()
        say(f"epoch {found.epoch}, {found.why}: k = {found.k_hardness:.3f}\n")
        console.print(table(("why this k", ""), _reasons(found)))
        console.print(table(("count", ""), _counts(found)))
        console.print(
            table(
                ("percentile", *map(str, PERCENTILES)),
                [
                    (name, *(figure(value, 0 if name.endswith("rank") else 4) for value in values))
                    for name, values in found.distributions.items()
                ],
            )
        )
        console.print(
            table(
                ("anchor", "positive", "negative", "label", "taken for", "d²(a,p)", "d²(a,n)", "hinge"),
                [
                    (
                        *(each.anchor, each.positive, each.negative, each.anchor_label, each.negative_label),
                        *(figure(value) for value in (each.sq_positive, each.sq_negative, each.hinge)),
                    )
                    for each in found.hardest
                ],
                left=5,
            )
        )
        console.print(
            table(
                ("class", "mistaken for", "pairs", "mean hinge"),
                [
                    (each.label_a, each.label_b, f"{each.count:,}", figure(each.mean_hinge))
                    for each in found.confused
                ],
                left=2,
            )
        )


def _reasons(found: "Inspection") -> "Iterator[tuple[str, str]]":
    """The numbers that led to k; the candidates and settings behind them are in the manifest."""
    for name, value in found.hardness.items():
        if isinstance(value, float):
            yield name.replace("_", " "), f"{value:.4f}"
        elif isinstance(value, (int, str)):
            yield name.replace("_", " "), str(value)


def _counts(found: "Inspection") -> "Iterator[tuple[str, str]]":
    """The plain counts, then the counts of the guards that refused a negative."""
    for name, count in found.counts.items():
        if isinstance(count, int):
            yield name.replace("_", " "), f"{count:,}"
    for guard, count in found.counts["refused"].items():
        if count:
            yield f"refused by {guard.replace('_', ' ')}", f"{count:,}"
