"""`tripletmine cluster`: cluster rows and write the clusters to a file."""

from pathlib import Path
from typing import Annotated

import typer

from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Epoch, Labels, LabelSeparator, Separator, in_options, named_columns


def cluster(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="A new Parquet file: row, key, cluster, label.", show_default=False
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="A run directory or its run file, or a folder that `tripletmine mine` wrote: of the mined rows.",
            show_default=False,
        ),
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File of vectors, instead of FOLDER: .npy, .npz, Zarr or Parquet.",
            show_default=False,
        ),
    ] = None,
    labels: Labels = None,
    label_separator: LabelSeparator = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Rows to cluster: train, validation, test or all. Default: the training rows of a table with a column "
            "split, else all.",
            show_default=False,
        ),
    ] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale the vectors to unit length.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SQ",
            help="Agglomerative clustering: merge clusters up to this mean squared distance between their rows.",
            show_default=False,
        ),
    ] = None,
    clusters: Annotated[
        int | None,
        typer.Option(min=1, metavar="COUNT", help="k-means: number of clusters.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Random seed of k-means.")] = 0,
    epoch: Epoch = None,
    separator: Separator = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="Name of a column in the files: label=category if labels are in category. OURS is vector, key, label, "
            "split or group. May be repeated.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Cluster the embeddings of a run, or your own vectors.

    If the rows have labels, also reports how well the clusters agree with them.
    """
    with reporting(debug), in_options(cluster):
        from ....pipeline.errors import SpecError
        from ....pipeline.standalone.clustering.cluster import require_new_table, write_clusters
        from ....pipeline.standalone.clustering.rows import form_of, rows_of_file, rows_of_run

        require_new_table(out)
        if (folder is None) == (embeddings is None):
            given = (
                "neither FOLDER nor --embeddings is" if folder is None else "FOLDER and --embeddings are both"
            )
            raise SpecError(f"{given} given: name a run or a folder of triplets, or give --embeddings")
        if folder is not None:
            asked = rows_of_run(folder, epoch, say)
        else:
            asked = rows_of_file(
                embeddings or "",
                labels,
                label_separator=label_separator,
                split=split,
                normalise=normalise,
                form=form_of(separator, tuple(named_columns(columns or []).items())),
            )
        found = write_clusters(asked, out, threshold=threshold, clusters=clusters, seed=seed)
        say(
            f"{found.rows:,} rows in {found.clusters:,} clusters, {found.single:,} of them of one row; the largest has "
            f"{found.largest:,}"
        )
        if found.figures is not None:
            say(
                "pairs: precision {precision:.4f}, recall {recall:.4f}, F {f:.4f}; NMI {nmi:.4f}, purity "
                "{purity:.4f}".format(**found.figures)
            )
        elif asked.labels is not None:
            say("not compared with the labels: rows have several")
        say(f"wrote {out}")
