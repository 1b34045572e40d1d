"""`tripletmine triplets`: write mined triplets in the forms that other trainers read."""

from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import CorpusValues, Debug, Epoch, TextColumn, Triplets, in_options


def triplets(
    folder: Triplets,
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="A new .parquet, .jsonl or .jsonl.gz file; without a suffix a folder for datasets.load_from_disk.",
            show_default=False,
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            help="triplet, n-tuple, labeled-pair or labeled-list (for sentence-transformers); flagembedding; tevatron."
        ),
    ] = "triplet",
    negatives: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="For n-tuple: negatives per row; default: the most that mining took for one pair.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Add the cosines to the anchor; they replace labels."),
    ] = False,
    values: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Parquet, CSV or TSV file with a value for each row, written instead of its key. Rows are matched by "
            "its column key if it has one, else by the order of the data.",
            show_default=False,
        ),
    ] = None,
    corpus_values: CorpusValues = None,
    column: TextColumn = "text",
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Write mined triplets in the forms that other trainers read."""
    with reporting(debug), in_options(triplets):
        from ....pipeline.standalone.training_sets.forms import Form
        from ....pipeline.standalone.triplet_export import export_triplets

        written = export_triplets(
            folder,
            out,
            Form(form, negatives, scores),
            values=values,
            corpus_values=corpus_values,
            column=column,
            epoch=epoch,
            note=say,
        )
        say(f"wrote {written.rows:,} rows of form {form} to {out}")
        if written.left_out:
            say(
                f"left out {written.left_out:,} pairs with fewer negatives than a row holds: a lower --negatives "
                "keeps more"
            )
