"""`tripletmine mine`: triplets for somebody's own vectors, without a run."""

from pathlib import Path
from typing import Annotated

import typer

from ....mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET
from ....mining.rule import MiningRule
from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, in_options


def mine(
    embeddings: Annotated[
        str, typer.Option(metavar="FILE", help="Vectors: .npy, .npz, Zarr or Parquet.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.", show_default=False)],
    labels: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Labels, one a row; where the vectors' file does not hold them."),
    ] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What separates several labels of a row, as in cat|dog."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Mine the rows of this split: train, validation, test or all. By default the training rows of a "
            "table with a column split, else all.",
            show_default=False,
        ),
    ] = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale the vectors to unit length.")] = False,
    neighbours: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help=f"Neighbours searched for a row; by default {NEIGHBOURS}, or all others where there are fewer.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="auto, exact, cells, hnsw or traverse_add.")] = "auto",
    recall_target: Annotated[
        float, typer.Option(help="Share of the true neighbours to find.")
    ] = RECALL_TARGET,
    k_hardness: Annotated[
        float, typer.Option(metavar="k", help="The exclusion boundary: smaller takes harder negatives.")
    ] = MiningRule.k_hardness,
    margin: Annotated[
        float, typer.Option(metavar="m", help="In units of squared distance.")
    ] = MiningRule.margin,
    triplets_per_anchor: Annotated[
        int, typer.Option(min=1, metavar="COUNT")
    ] = MiningRule.triplets_per_anchor,
    positives: Annotated[
        str, typer.Option(help="neighbours, or class: the whole class.")
    ] = MiningRule.positives,
    order: Annotated[
        str, typer.Option(help="farthest: the hardest pairs of an anchor; or random ones, by --seed.")
    ] = MiningRule.order,
    memory_mib: Annotated[int | None, typer.Option(metavar="MIB", help="What the search may use.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="By default all cores.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    audit_sample: Annotated[
        int,
        typer.Option(min=0, metavar="ANCHORS", help="Whose triplets are derived again at the end; 0: none."),
    ] = AUDIT_SAMPLE,
    debug: Debug = False,
) -> None:
    """Mine triplets from vectors and labels. Needs neither a run file nor torch."""
    with reporting(debug), in_options(mine):
        from ....pipeline.standalone.mine_files import mine_files

        rule = MiningRule(
            k_hardness=k_hardness,
            margin=margin,
            triplets_per_anchor=triplets_per_anchor,
            positives=positives,  # pyright: ignore[reportArgumentType]  checked by the rule itself
            order=order,  # pyright: ignore[reportArgumentType]  the same
            order_seed=seed,
        )
        result = mine_files(
            embeddings,
            labels,
            out,
            rule,
            label_separator=label_separator,
            split=split,
            neighbours=neighbours,
            method=method,
            recall_target=recall_target,
            normalise=normalise,
            seed=seed,
            threads=threads,
            memory_mib=memory_mib,
            audit_sample=audit_sample,
            note=say,
        )
        say(
            f"wrote {result.folder}/triplets, and beside it confusion.parquet, classes.parquet, neighbours.zarr"
        )
        if result.audit is not None and result.audit["violations"]:
            say(f"tripletmine: the audit found violations, see {result.folder}/audit.json", err=True)
            raise typer.Exit(1)
