"""`tripletmine triplets`: mined triplets in the form that other trainers read."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, Triplets, in_options


class Form(StrEnum):
    """What `--form` takes."""

    JSONL = "jsonl"
    DATASET = "dataset"


def triplets(
    folder: Triplets,
    out: Annotated[Path, typer.Option(metavar="PATH", help="A new file or folder.", show_default=False)],
    form: Annotated[
        Form, typer.Option(help="JSON lines, or a folder that datasets.load_dataset opens.")
    ] = Form.JSONL,
    values: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Parquet or CSV: what stands for each row, instead of its key."),
    ] = None,
    corpus_values: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The same for each document, where --values has the queries.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[str, typer.Option(metavar="NAME", help="The column of these files.")] = "text",
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Write anchor, positive and negative of every triplet for other trainers."""
    with reporting(debug), in_options(triplets):
        from ....pipeline.standalone.triplet_export import export_triplets

        written = export_triplets(
            folder,
            out,
            form=form.value,
            values=values,
            corpus_values=corpus_values,
            column=column,
            epoch=epoch,
            note=say,
        )
        say(f"wrote {written:,} triplets to {out}")
