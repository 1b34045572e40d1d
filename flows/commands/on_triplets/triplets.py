"""`tripletmine triplets`: mined triplets in the form that other trainers read."""

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
            help="A new file, .parquet, .jsonl or .jsonl.gz; without a suffix a folder for datasets.load_from_disk.",
            show_default=False,
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            help="triplet, n-tuple, labeled-pair or labeled-list, in columns for sentence-transformers; flagembedding "
            "or tevatron."
        ),
    ] = "triplet",
    negatives: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of n-tuple: negatives a row; by default as many as mining took for a pair at most.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        bool,
        typer.Option("--scores", help="Add the cosines to the anchor; instead of labels, where there are."),
    ] = False,
    values: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Parquet, CSV or TSV: what stands for each row, instead of its key. By its column key, where it has "
            "one, else in the order of the data.",
            show_default=False,
        ),
    ] = None,
    corpus_values: CorpusValues = None,
    column: TextColumn = "text",
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Write mined triplets for other trainers: as triplets, tuples, labelled pairs or lists."""
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
