"""Mining alone: somebody's own vectors and labels in, triplets out. No run directory, no torch, no Prefect."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...mining.audit.check import audit_parts
from ...mining.confusion import ConfusionSum
from ...mining.defaults import AUDIT_SAMPLE, RECALL_TARGET, default_neighbours
from ...mining.graphs.build import GraphReport, stream_neighbours
from ...mining.graphs.remeasure import empty_table
from ...mining.guarding.never_negatives import PairLists, united
from ...mining.miner import mine
from ...mining.neighbours import NO_ROW, NeighbourTable
from ...mining.report import MiningReport, merge_reports
from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ..artifacts.neighbours import create_neighbours, write_neighbours
from ..artifacts.triplets import (
    AUDIT,
    CLASSES,
    CONFUSION,
    classes_table,
    coded_columns,
    confusion_table,
    part_name,
    triplet_table,
)
from ..data.arrays import Arrays
from ..data.files import locate
from ..data.review.apply import Reviewed
from ..data.review.csv_file import read_review, write_review
from ..data.review.decisions import Review
from ..data.review.effect import ReviewCounts
from ..errors import DataError, SpecError
from ..resolve.label_forms import said_alike
from ..runfile.work_specs import MineSpec
from ..storage.publish import publish_json
from ..storage.tables import write_table
from .coverage import check_minable, why_not_all
from .mining_settings import MiningSettings
from .never_negatives import keep_never_negatives, read_never_negatives
from .scratch_table import ScratchTable, scratch_table
from .source_rows import FileRows, count_review, either, read_file_rows, read_vectors, reviewed_file_rows
from .teacher.scores import Scores, open_scores, rescored

SETTINGS = "mining.json"
"""What a triplet folder was mined from and how; `audit` reads it."""

REVIEW = "review.csv"
"""The review that a triplet folder was mined with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings(MiningSettings):
    """The arguments of `mine_files`, as mining.json records them."""

    named: ClassVar = ("vector", "key", "label", "split", "group")

    embeddings: str
    labels: str | None
    label_separator: str | None
    split: str | None
    review: str | None


@dataclass(frozen=True, slots=True)
class MinedFiles:
    """Where the triplets are, what the search and the mining counted, and what the audit found.

    Attributes:
        folder: Where the files are.
        rows: That were mined.
        classes: That they have.
        graph: How the neighbours were found.
        mining: Anchors, coverage, hinge, refusals.
        audit: What did not hold; None where it was left out.
        left_out: Rows of other splits, counted by split.
        remarks: What a person should know, one sentence each: labels that look alike, why anchors have no triplet, a
            recall below its target.
    """

    folder: Path
    rows: int
    classes: int
    graph: GraphReport
    mining: MiningReport
    audit: dict[str, Any] | None
    left_out: Mapping[str, int]
    remarks: tuple[str, ...]


def mine_files(
    embeddings: str | Path,
    labels: str | Path | None,
    out: str | Path,
    rule: MiningRule | None = None,
    *,
    label_separator: str | None = None,
    split: str | None = None,
    review: str | Path | None = None,
    neighbours: int | None = None,
    normalise: bool = False,
    method: str = "auto",
    recall_target: float = RECALL_TARGET,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
    chunk_rows: int = MineSpec.model_fields["chunk_rows"].default,
    audit_sample: int = AUDIT_SAMPLE,
    never_negatives: str | Path | None = None,
    rescore: str | None = None,
    teacher: TeacherBound | None = None,
    separator: str | None = None,
    columns: Mapping[str, str] | None = None,
    note: Callable[[str], None] | None = None,
) -> MinedFiles:
    """Search, mine and audit the vectors of a file; write the folder `out` in one go.

    It holds triplets/part-*.parquet, confusion.parquet, classes.parquet, neighbours.zarr, audit.json and mining.json.
    Ids in them are rows of the file, and neighbours.zarr has a line for each of them.

    Args:
        embeddings: .npy, .npz, Zarr or Parquet with vectors (N, D).
        labels: The file with their labels; None where they are in the same file.
        out: A new folder.
        rule: By default ``MiningRule()``.
        label_separator: What separates several labels in one string.
        split: Which rows are mined, "train", "validation", "test" or "all"; by default the training rows of a table
            with a column split, else all.
        review: CSV file of decisions on rows and pairs, by key: new labels, rows to leave out, pairs that are never
            negatives. It is kept in the folder.
        neighbours: K; by default 150, or what the rows have.
        normalise: Scale the vectors to unit length, which the rule assumes.
        method: Of the search, as in ``neighbours``.
        recall_target: Share of the true neighbours to find.
        threads: By default all cores.
        seed: Of the search.
        memory_mib: What the search may allocate.
        chunk_rows: Anchors of one Parquet part.
        audit_sample: Anchors that are derived again at the end; 0 leaves it out.
        never_negatives: A Parquet, CSV or TSV file of pairs that are never each other's negative, with columns key
            and other_key, or row and other.
        rescore: A teacher that has a second look at what was mined: "path/to/file.py:score", a function of two lists
            of keys that gives a number for each pair; or a table of key, other_key and score.
        teacher: The bound under which a negative stays, by default ``TeacherBound()``.
        separator: Between the cells of text files, one character.
        columns: What vector, key, label, split and group are called in the files, as ``{"label": "category"}``.
        note: Hears what is going on.

    Raises:
        DataError: For files that cannot be read, or do not fit each other.
        InputError: For settings that do not fit the vectors, and where no triplet is found.
        SpecError: When `out` is there already, or `split` is none of the table.
    """
    settings = _Settings(
        embeddings=str(embeddings),
        labels=None if labels is None else str(labels),
        label_separator=label_separator,
        split=split,
        review=None if review is None else str(review),
        rule=MiningRule() if rule is None else rule,
        neighbours=neighbours,
        method=method,
        recall_target=recall_target,
        normalise=normalise,
        seed=seed,
        threads=threads,
        memory_mib=memory_mib,
        chunk_rows=chunk_rows,
        audit_sample=audit_sample,
        never_negatives=None if never_negatives is None else str(never_negatives),
        rescore=rescore,
        teacher=teacher or TeacherBound(),
        separator=separator,
        columns=tuple((columns or {}).items()),
    )
    return _mine_files(settings, Path(out), note or (lambda _: None))


def require_new_folder(out: Path) -> None:
    """Raises: SpecError where `out` is a file, or a folder that holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SpecError(f"{out} exists already: choose another folder with --out, or remove it")


def _mine_files(settings: _Settings, out: Path, note: Callable[[str], None]) -> MinedFiles:
    require_new_folder(out)
    here = Path()
    source = Arrays(
        locate(settings.embeddings, here),
        None if settings.labels is None else locate(settings.labels, here),
        settings.label_separator,
        form=settings.form,
    )
    try:
        vectors, rows = (
            read_vectors(source, normalised=settings.normalise),
            read_file_rows(source, settings.split),
        )
        review = Review() if settings.review is None else read_review(Path(settings.review))
        counts = None if settings.review is None else count_review(rows, source, review, settings.review)
    except DataError as error:
        raise DataError(re.sub(r"\bdata\.(?=label)", "", str(error))) from error.__cause__
    excluded = rows.excluded
    # Rows that the review excludes are searched all the same: the neighbour table stays that of the data.
    reviewed = reviewed_file_rows(rows, source, review)
    note(f"{len(rows.mined):,} rows of width {vectors.shape[1]}, {_classes(rows):,} classes{_without(rows)}")
    alike = said_alike(rows.labels.names)
    told = [] if counts is None else [counts.sentence(f"--review {settings.review}")]
    for remark in [*alike, *told]:
        note(remark)
    check_minable(reviewed.labels, vectors, either(excluded, reviewed.excluded))
    if settings.rule.guards.same_group is not None and rows.groups is None:
        raise DataError(
            f"--same-group is {settings.rule.guards.same_group}, but the files have no column group: add it to "
            "the table of labels, or leave --same-group out"
        )
    never = None
    if settings.never_negatives is not None:
        never = read_never_negatives(
            settings.never_negatives, rows.keys, form=settings.form_of_lists, note=note
        )
    never = united(never, reviewed.never_negatives)
    scores = (
        None
        if settings.rescore is None
        else open_scores(settings.rescore, rows.keys, form=settings.form_of_lists)
    )
    wanted = default_neighbours(len(rows.mined)) if settings.neighbours is None else settings.neighbours
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with scratch_table(partial, wanted) as scratch:
            graph = stream_neighbours(
                vectors if excluded is None else vectors[rows.mined],
                wanted,
                scratch.write,
                method=settings.method,
                recall_target=settings.recall_target,
                threads=settings.threads,
                seed=settings.seed,
                memory_mib=settings.memory_mib,
            )
            note(f"graph: {graph.method}, recall {graph.recall:.4f}: {graph.why}")
            report = _write_triplets(
                partial, scratch, wanted, rows, reviewed, never, scores, vectors, settings
            )
    except BaseException:
        shutil.rmtree(partial)
        raise
    remarks = why_not_all(report, reviewed.labels, wanted, either(excluded, reviewed.excluded))
    if graph.recall < settings.recall_target:
        remarks.append(
            f"the recall, {graph.recall:.4f} on {graph.recall_rows:,} rows, is below --recall-target = "
            f"{settings.recall_target:g}: raise that a little, or search with --method exact"
        )
    if not report.triplets:
        shutil.rmtree(partial)
        raise DataError("no triplet was found: " + "; ".join(remarks))
    note(
        f"mined {report.triplets:,} triplets for {report.anchors_with_triplet:,} of "
        f"{report.anchors - report.anchors_excluded:,} anchors"
    )
    for remark in remarks:
        note(remark)
    remarks = [*alike, *told, *remarks]
    audit = _audit(partial, rows, reviewed, never, vectors, report, settings)
    if counts is not None:
        write_review(partial / REVIEW, review)
    publish_json(
        partial / SETTINGS, _described(settings, graph, report, vectors.shape, rows, counts, remarks)
    )
    partial.replace(out)
    return MinedFiles(
        out, len(rows.mined), _classes(rows), graph, report, audit, rows.left_out, tuple(remarks)
    )


def _classes(rows: FileRows) -> int:
    """Classes that have a row among those that are mined."""
    return int(np.count_nonzero(rows.labels.sizes(rows.excluded)))


def _without(rows: FileRows) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in rows.left_out.items())
    return f"; left out: {counts} rows (--split)" if counts else ""


def _of_file_rows(
    scratch: ScratchTable, rows: FileRows, start: int, stop: int, neighbours: int
) -> NeighbourTable:
    """Lines of the file's rows start to stop, from the table of those that are mined; rows left out have none."""
    first, last = np.searchsorted(rows.mined, (start, stop)).tolist()
    table = scratch.read(first, last)
    if rows.excluded is None:
        return table
    found = empty_table(stop - start, neighbours)
    places = rows.mined[first:last] - start
    found.ids[places] = np.where(table.ids == NO_ROW, NO_ROW, rows.mined[table.ids])
    found.sq_distances[places] = table.sq_distances
    return found


def _write_triplets(
    folder: Path,
    scratch: ScratchTable,
    neighbours: int,
    rows: FileRows,
    reviewed: Reviewed,
    never: PairLists | None,
    scores: Scores | None,
    vectors: NDArray[np.float32],
    settings: _Settings,
) -> MiningReport:
    """Triplets and the neighbours that they are of, one chunk after the other."""
    confusion, reports = ConfusionSum(), []
    labels, excluded = reviewed.labels, either(rows.excluded, reviewed.excluded)
    step = settings.chunk_rows
    if never is not None:
        keep_never_negatives(folder, never)
    create_neighbours(folder, rows=len(labels), neighbours=neighbours, chunk_rows=step)
    for index, start in enumerate(range(0, len(labels), step)):
        table = _of_file_rows(scratch, rows, start, min(start + step, len(labels)), neighbours)
        write_neighbours(folder, start, table)
        mined = mine(
            table,
            labels,
            settings.rule,
            first_anchor=start,
            vectors=vectors,
            excluded=excluded,
            never_negatives=never,
            groups=rows.groups,
            threads=settings.threads,
        )
        if scores is not None:
            mined = rescored(mined, scores, settings.teacher, settings.rule, labels)
        write_table(folder / part_name(index), triplet_table(mined.columns, labels))
        confusion.add(mined.confusion)
        reports.append(mined.report)
    write_table(folder / CONFUSION, confusion_table(confusion.total(), labels))
    by_class = classes_table([report.triplets_by_class for report in reports], labels, excluded)
    write_table(folder / CLASSES, by_class)
    return merge_reports(reports)


def _audit(
    folder: Path,
    rows: FileRows,
    reviewed: Reviewed,
    never: PairLists | None,
    vectors: NDArray[np.float32],
    report: MiningReport,
    settings: _Settings,
) -> dict[str, Any] | None:
    if not settings.audit_sample:
        return None
    found = audit_parts(
        (coded_columns(path, reviewed.labels) for path in sorted(folder.glob("triplets/*.parquet"))),
        reviewed.labels,
        vectors,
        settings.rule,
        sample=settings.audit_sample,
        anchors=report.anchors_with_triplet,
        seed=settings.seed,
        excluded=either(rows.excluded, reviewed.excluded),
        never_negatives=never,
        groups=rows.groups,
    )
    publish_json(folder / AUDIT, found.as_dict())
    return found.as_dict()


def _described(
    settings: _Settings,
    graph: GraphReport,
    report: MiningReport,
    shape: tuple[int, ...],
    rows: FileRows,
    review: ReviewCounts | None,
    remarks: list[str],
) -> dict[str, Any]:
    described = asdict(settings)
    described["embeddings"] = locate(settings.embeddings, Path())
    described["labels"] = None if settings.labels is None else locate(settings.labels, Path())
    found = {
        "shape": shape,
        "left_out": dict(rows.left_out),
        "graph": asdict(graph),
        "counts": report.counts(),
        "review": None if review is None else asdict(review),
        "remarks": remarks,
    }
    return json.loads(json.dumps({"settings": described, **found}))
