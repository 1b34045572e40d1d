"""`tripletmine suspects`: list rows whose neighbours disagree with their label."""

from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, Review, Triplets, in_options


def suspects(
    triplets: Triplets,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.", show_default=False)],
    minimum_score: Annotated[
        float, typer.Option(metavar="SCORE", help="List rows and pairs that score at least this; at most 1.")
    ] = 0.5,
    review: Review = None,
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """List likely wrong labels and likely false negatives.

    For queries and a corpus, lists documents that look relevant to a query. The strongest suspects come first.
    """
    with reporting(debug), in_options(suspects):
        from ....pipeline.standalone.audit import list_suspects

        found = list_suspects(
            triplets, out, epoch=epoch, minimum_score=minimum_score, review=review, note=say
        )
        for name, count in found.items():
            say(f"{count:,} {'rows' if name == 'mislabelled.parquet' else 'pairs'} in {out}/{name}")
