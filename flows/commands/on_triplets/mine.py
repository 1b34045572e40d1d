"""`tripletmine mine`: mine triplets from the user's own vectors, without a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ....mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET
from ....mining.guards import Guards
from ....mining.rescoring.bound import TeacherBound
from ....mining.rule import MiningRule
from ...environment import QUIET_DASK, environment, unless_set
from ...terminal.errors import reporting
from ...terminal.plain import say
from ..arguments import Debug, Labels, LabelSeparator, Review, Separator, in_options, named_columns


def mine(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.", show_default=False)],
    embeddings: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="File of vectors: .npy, .npz, Zarr or Parquet.", show_default=False
        ),
    ] = None,
    labels: Labels = None,
    label_separator: LabelSeparator = None,
    queries: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="File of query vectors, instead of --embeddings; needs --corpus and --relevant.",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(metavar="FILE", help="File of document vectors.", show_default=False)
    ] = None,
    relevant: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Relevant documents of each query: Parquet, CSV or TSV with columns query and document (keys, or row "
            "numbers from 0 if the vectors have no column key), and optionally grade (above 0: relevant).",
            show_default=False,
        ),
    ] = None,
    same_items: Annotated[
        bool,
        typer.Option(
            "--same-items", help="A document with the key of a query is that query, never its negative."
        ),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Rows to mine: train, validation, test or all. Default: the training rows of a table with a column "
            "split, else all.",
            show_default=False,
        ),
    ] = None,
    review: Review = None,
    normalise: Annotated[bool, typer.Option("--normalise", help="Scale the vectors to unit length.")] = False,
    neighbours: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help=f"Number of neighbours to find per row; default: {NEIGHBOURS}, or all others if there are fewer.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="Search method: auto, exact, cells, hnsw or traverse_add.")
    ] = "auto",
    recall_target: Annotated[
        float, typer.Option(help="Share of the true neighbours that the search must find.")
    ] = RECALL_TARGET,
    k_hardness: Annotated[
        float,
        typer.Option(
            metavar="k", help="Take negatives with d(a,n) > k d(a,p): a smaller k allows harder ones."
        ),
    ] = MiningRule.k_hardness,
    margin: Annotated[
        float, typer.Option(metavar="m", help="Take negatives with d(a,n)^2 < d(a,p)^2 + m.")
    ] = MiningRule.margin,
    triplets_per_anchor: Annotated[
        int, typer.Option(min=1, metavar="COUNT", help="Maximum number of triplets per anchor.")
    ] = MiningRule.triplets_per_anchor,
    negatives_per_positive: Annotated[
        int,
        typer.Option(
            min=1, metavar="COUNT", help="Maximum number of triplets with the same anchor and positive."
        ),
    ] = MiningRule.negatives_per_positive,
    positives: Annotated[
        str | None,
        typer.Option(
            help="Source of positives: neighbours (default), or class for the whole class. Not with --queries, where "
            "all relevant documents are positives.",
            show_default=False,
        ),
    ] = None,
    nearer_positive: Annotated[
        bool,
        typer.Option(
            "--nearer-positive/--any-negative",
            help="Take a negative only if some positive of the anchor is nearer, or take any.",
        ),
    ] = MiningRule.nearer_positive,
    order: Annotated[
        str, typer.Option(help="Pairs to take for an anchor: farthest (the hardest), or random (by --seed).")
    ] = MiningRule.order,
    duplicate_sq: Annotated[
        float | None,
        typer.Option(
            metavar="SQ",
            help="Refuse negatives within this squared distance of the anchor or one of its positives, as duplicates.",
        ),
    ] = None,
    minimum_sq: Annotated[
        float | None,
        typer.Option(
            metavar="SQ",
            help="Refuse negatives nearer than this squared distance. Of unit vectors, 2 - 2s refuses cosines above s.",
        ),
    ] = None,
    maximum_sq: Annotated[
        float | None, typer.Option(metavar="SQ", help="Refuse negatives farther than this squared distance.")
    ] = None,
    minimum_margin_sq: Annotated[
        float | None,
        typer.Option(
            metavar="SQ",
            help="Refuse negatives unless they are at least this much farther (squared distance) than the positive.",
        ),
    ] = None,
    relative_margin: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Refuse negatives unless their cosine is below the positive's by at least this share of it.",
        ),
    ] = None,
    positive_percentile: Annotated[
        float | None,
        typer.Option(
            metavar="0..100",
            help="Refuse negatives that are not farther than this percentile of the anchor's positives.",
        ),
    ] = None,
    rank_window: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="FIRST STOP",
            help="Keep only negatives with FIRST <= rank < STOP among the neighbours, from 0.",
        ),
    ] = None,
    same_group: Annotated[
        str | None,
        typer.Option(
            metavar="MODE",
            help="For rows with the same value in the column group: never-negative (not negatives of each other) or "
            "never-pair (not positives either).",
        ),
    ] = None,
    never_negatives: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Pairs that are never negatives: Parquet, CSV or TSV with columns key and other_key, or row and "
            "other; with --queries, columns as in --relevant.",
            show_default=False,
        ),
    ] = None,
    rescore: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Teacher that scores the mined pairs: path/to/file.py:score, or Parquet, CSV or TSV with columns key, "
            "other_key and score (with --queries: query, document and score).",
            show_default=False,
        ),
    ] = None,
    teacher_margin: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="With --rescore: refuse negatives unless their score is below the positive's by at least this share "
            "of it.",
        ),
    ] = TeacherBound.relative_margin,
    teacher_absolute_margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SCORE",
            help="With --rescore: refuse negatives unless their score is below the positive's by at least this.",
            show_default=False,
        ),
    ] = None,
    separator: Separator = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS",
            help="Name of a column in the files: label=category if labels are in category. OURS is vector, key, label, "
            "split, group, query, document or grade. May be repeated.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use the workers of this Dask scheduler, e.g. tcp://10.0.0.1:8786; they must see --out.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="COUNT",
            help="Use this many worker processes on this machine.",
            show_default=False,
        ),
    ] = None,
    memory_mib: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            help="Memory for the search; with workers, memory for each worker on top of its process.",
        ),
    ] = None,
    chunk_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="ROWS",
            help="Anchors per Parquet part, and per task of a worker.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Number of threads; default: all cores.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    audit_sample: Annotated[
        int,
        typer.Option(
            min=0, metavar="ANCHORS", help="Number of anchors whose triplets are checked at the end; 0: none."
        ),
    ] = AUDIT_SAMPLE,
    debug: Debug = False,
) -> None:
    """Mine triplets from vectors and labels, or queries and a corpus.

    Needs neither a run file nor torch.
    """
    with reporting(debug), in_options(mine), environment(unless_set(QUIET_DASK)):
        of_pairs = _of_pairs(
            {
                "embeddings": embeddings,
                "labels": labels,
                "label_separator": label_separator,
                "split": split,
                "review": None if review is None else str(review),
            },
            {"queries": queries, "corpus": corpus, "relevant": relevant},
            positives,
        )
        guards = Guards(
            duplicate_sq=duplicate_sq,
            rank_window=rank_window,
            positive_percentile=positive_percentile,
            minimum_margin_sq=minimum_margin_sq,
            relative_margin=relative_margin,
            minimum_sq=minimum_sq,
            maximum_sq=maximum_sq,
            same_group=same_group,  # pyright: ignore[reportArgumentType]  checked by the guards themselves
        )
        rule = MiningRule(
            k_hardness=k_hardness,
            margin=margin,
            triplets_per_anchor=triplets_per_anchor,
            negatives_per_positive=negatives_per_positive,
            positives=positives or MiningRule.positives,  # pyright: ignore[reportArgumentType]  checked by the rule
            nearer_positive=nearer_positive,
            order=order,  # pyright: ignore[reportArgumentType]  the same
            order_seed=seed,
            guards=guards,
        )
        search: dict[str, Any] = {
            "neighbours": neighbours,
            "method": method,
            "recall_target": recall_target,
            "normalise": normalise,
            "seed": seed,
            "threads": threads,
            "memory_mib": memory_mib,
            "audit_sample": audit_sample,
            "never_negatives": never_negatives,
            "rescore": rescore,
            "teacher": TeacherBound(teacher_margin, teacher_absolute_margin),
            "separator": separator,
            "columns": named_columns(columns or []),
            "cluster": cluster,
            "workers": workers,
            "note": say,
        }
        if chunk_rows is not None:
            search["chunk_rows"] = chunk_rows
        if of_pairs:
            from ....pipeline.standalone.pair_files.mine import mine_pair_files

            found = mine_pair_files(
                queries or "", corpus or "", relevant or "", out, rule, same_items=same_items, **search
            )
            beside, result = "relevance.parquet, neighbours.zarr", found
        else:
            from ....pipeline.standalone.mine_files import mine_files

            result = mine_files(
                embeddings or "",
                labels,
                out,
                rule,
                label_separator=label_separator,
                split=split,
                review=review,
                **search,
            )
            beside = "confusion.parquet, classes.parquet, neighbours.zarr"
        say(f"wrote {result.folder}/triplets, and beside it {beside}")
        if result.audit is not None and result.audit["violations"]:
            say(f"tripletmine: the audit found violations, see {result.folder}/audit.json", err=True)
            raise typer.Exit(1)


def _of_pairs(
    one_set: Mapping[str, str | None], two_sets: Mapping[str, str | None], positives: str | None
) -> bool:
    """Whether queries and a corpus are mined, rather than one set of vectors.

    Raises: SpecError for arguments of both, or of neither.
    """
    from ....pipeline.errors import SpecError

    given = [name for name, value in two_sets.items() if value is not None]
    if not given:
        if one_set["embeddings"] is None:
            raise SpecError(
                "--embeddings is missing: give --embeddings, or --queries with --corpus and --relevant"
            )
        return False
    missing = [name for name in two_sets if name not in given]
    if missing:
        raise SpecError(
            f"--{given[0]} is given without --{missing[0]}: give --queries, --corpus and --relevant together"
        )
    other = [name for name, value in one_set.items() if value is not None]
    if other:
        raise SpecError(
            f"{other[0]} is given beside --queries: leave it out, or mine one set of vectors with labels"
        )
    if positives not in (None, "class"):
        raise SpecError(
            f"positives is {positives!r}, but all relevant documents of a query are its positives: leave it out"
        )
    return True
