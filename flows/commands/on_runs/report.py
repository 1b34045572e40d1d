"""`tripletmine report`: one page about what was mined and learned."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import CorpusValues, Debug, Epoch, Review, TextColumn, Triplets, in_options


class Map(StrEnum):
    """The values of `--map`."""

    PCA = "pca"
    TSNE = "tsne"


def report(
    triplets: Triplets,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The page to write, *.html; with *.parquet a table for embedding-atlas, FiftyOne and data frames.",
            show_default="report.html",
        ),
    ] = Path("report.html"),
    images: Annotated[bool, typer.Option(help="Show pictures of the data.")] = True,
    values: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Parquet or CSV file with a text for each row, shown instead of its key."
        ),
    ] = None,
    corpus_values: CorpusValues = None,
    column: TextColumn = "text",
    map_: Annotated[
        Map, typer.Option("--map", help="Projection that draws the map; tsne takes some seconds.")
    ] = Map.PCA,
    review: Review = None,
    epoch: Epoch = None,
    debug: Debug = False,
) -> None:
    """Write one HTML page: suspects, hardest triplets, curves, map."""
    with reporting(debug), in_options(report):
        from ....pipeline.data.review.csv_file import read_review
        from ....pipeline.report.report import write_report
        from ...terminal.tables import size

        shown = {"epoch": epoch, "images": images, "values": values, "column": column, "note": say}
        if out.suffix.lower() == ".parquet":
            from ....pipeline.report.atlas import write_atlas

            say(f"wrote {write_atlas(triplets, out, **shown):,} rows to {out}")
            return
        written = write_report(
            triplets,
            out,
            method=map_.value,
            decided=() if review is None else read_review(review).decided,
            corpus_values=corpus_values,
            **shown,
        )
        say(f"wrote {out} ({size(written)})")
