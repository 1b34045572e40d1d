"""`tripletmine audit`: derive mined triplets again and report violations."""

from typing import Annotated

import typer

from ...terminal.errors import FAILED, reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, Triplets, in_options


def audit(
    triplets: Triplets,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="ANCHORS", help="Number of anchors to check; default: all.")
    ] = None,
    recall_sample: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="ROWS",
            help="Number of rows whose neighbours are compared with exact search; 0: none.",
        ),
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the samples.")] = 0,
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Check mined triplets against embeddings, labels and the rule.

    Checks labels, distances, the mining rule, duplicates and the neighbours. Exits with code 1 if anything is wrong.
    """
    with reporting(debug), in_options(audit):
        from ....mining.audit.check import VIOLATIONS
        from ....pipeline.standalone.audit import audit_folder

        found = audit_folder(
            triplets, epoch=epoch, sample=sample, recall_sample=recall_sample, seed=seed, note=say
        )
        report = found.triplets
        say(
            f"checked {report.checked:,} of {report.triplets:,} triplets; coverage {report.coverage:.1%} of rows"
        )
        if found.recall is not None:
            below = f", below its target of {found.recall_target}" if found.short else ""
            say(f"recall of the neighbour table on {found.table_rows:,} rows: {found.recall:.4f}{below}")
        if found.untrue:
            say(
                f"{found.untrue:,} of {found.table_rows:,} lines of the neighbour table are not what the embeddings "
                "say: ids, distances or their order",
                err=True,
            )
        for kind, violation in report.violations.items():
            say(f"{violation.count:,} x {kind}: {VIOLATIONS[kind]}", err=True)
            for example in violation.examples:
                say(f"    {example}", err=True)
        if not found.ok:
            raise typer.Exit(FAILED)
        say("no violation")
