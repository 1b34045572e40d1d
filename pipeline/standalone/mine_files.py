"""Mine files of the user's own vectors and labels into a folder. Needs no run directory, torch or Prefect."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...mining.audit.check import audit_parts
from ...mining.defaults import AUDIT_SAMPLE, RECALL_TARGET, default_neighbours
from ...mining.graphs.build import GraphReport, stream_neighbours
from ...mining.graphs.index import BLOCK_ROWS
from ...mining.graphs.parameters import ExactParameters
from ...mining.guarding.never_negatives import united
from ...mining.report import MiningReport
from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ..artifacts.triplets import AUDIT, CLASSES, CONFUSION, classes_table, coded_columns, confusion_table
from ..data.arrays import Arrays
from ..data.files import locate
from ..data.review.apply import Reviewed
from ..data.review.csv_file import read_review, write_review
from ..data.review.decisions import Review
from ..data.review.effect import ReviewCounts
from ..errors import DataError
from ..resolve.label_forms import said_alike
from ..runfile.run_spec import ClusterSpec
from ..runfile.work_specs import MineSpec
from ..storage.publish import publish_json
from ..storage.tables import write_table
from ..storage.vector_file import VectorFile
from .coverage import check_minable, why_not_all
from .in_parts.chunks import Counted, RowChunks, summed, write_chunks
from .in_parts.new_folder import new_folder, require_new_folder, scratch_folder
from .in_parts.on_workers import ChunkJob, cluster_of, hand_rows, mine_on_workers, open_workers
from .in_parts.parted import PartedSearch
from .in_parts.search import search_on_workers
from .in_parts.work import MiningWork
from .mining_settings import MiningSettings
from .never_negatives import read_never_negatives
from .scratch_table import scratch_table
from .source_rows import FileRows, count_review, either, read_file_rows, read_vectors, reviewed_file_rows
from .teacher.scores import open_scores

SETTINGS = "mining.json"
"""Records the data and settings with which a triplet folder was mined; read by `audit`."""

REVIEW = "review.csv"
"""Copy of the review with which a triplet folder was mined."""


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
    """The result of ``mine_files``: the folder of triplets, and reports of search, mining and audit.

    Attributes:
        folder: The folder with the files.
        rows: Number of mined rows.
        classes: Number of their classes.
        graph: How the neighbours were found.
        mining: Anchors, coverage, hinge, refusals.
        audit: Result of the audit; None if it was left out.
        left_out: Number of rows left out, by split.
        remarks: Sentences for the user: labels that look alike, why anchors have no triplet, a recall below its target.
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
    cluster: str | None = None,
    workers: int | None = None,
    note: Callable[[str], None] | None = None,
) -> MinedFiles:
    """Search, mine and audit the vectors of a file, and write the results atomically to the folder `out`.

    The folder holds triplets/part-*.parquet, confusion.parquet, classes.parquet, neighbours.zarr, audit.json and
    mining.json. Ids are row numbers of the file; neighbours.zarr has a line for each row of the file.

    Args:
        embeddings: .npy, .npz, Zarr or Parquet file with vectors (N, D).
        labels: The file with their labels; None if they are in the same file.
        out: A new folder.
        rule: By default ``MiningRule()``.
        label_separator: Separator between several labels in one string.
        split: Rows to mine, "train", "validation", "test" or "all"; by default the training rows of a table with a
            column split, else all.
        review: CSV file of decisions on rows and pairs, by key: new labels, rows to leave out, pairs that are never
            negatives. It is copied into the folder.
        neighbours: K; by default 150, or all others if there are fewer.
        normalise: Scale the vectors to unit length, which the rule assumes.
        method: Search method, as in ``neighbours``.
        recall_target: Share of the true neighbours that the search must find.
        threads: Number of threads; by default all cores.
        seed: Random seed.
        memory_mib: Memory in MiB that the search may allocate; with workers, memory for each worker, including its
            part of the vectors.
        chunk_rows: Anchors per Parquet part.
        audit_sample: Number of anchors whose triplets are checked at the end; 0 leaves the audit out.
        never_negatives: Parquet, CSV or TSV file of pairs that are never each other's negative, with columns key and
            other_key, or row and other.
        rescore: A teacher that scores the mined pairs: "path/to/file.py:score", a function of two lists of keys that
            returns a number for each pair; or a table with columns key, other_key and score.
        teacher: The bound on the teacher's scores of negatives, by default ``TeacherBound()``.
        separator: Separator between the cells of text files, one character.
        columns: The names of vector, key, label, split and group in the files, as ``{"label": "category"}``.
        cluster: The address of a Dask scheduler whose workers search and mine; they must see `out`. Exact search is
            then split into parts, so that no worker holds all vectors. The triplets are the same.
        workers: Number of local worker processes that search and mine; a script that uses them needs
            ``if __name__ == "__main__":``.
        note: Called with messages about the progress.

    Raises:
        DataError: For files that cannot be read or do not match each other, and if no triplet is found.
        InputError: For settings that do not suit the vectors.
        SpecError: If `out` exists, or the table has no such `split`.
        UnavailableError: If workers cannot be reached, do not see `out`, or have too little memory.
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
    return _mine_files(settings, Path(out), note or (lambda _: None), cluster_of(cluster, workers))


def _mine_files(
    settings: _Settings, out: Path, note: Callable[[str], None], cluster: ClusterSpec | None
) -> MinedFiles:
    require_new_folder(out)
    here = Path()
    source = Arrays(
        locate(settings.embeddings, here),
        None if settings.labels is None else locate(settings.labels, here),
        settings.label_separator,
        form=settings.form,
    )
    with new_folder(out) as folder, scratch_folder(folder) as scratch:
        keep = None if cluster is None else scratch / "vectors"
        try:
            vectors, rows = (
                read_vectors(source, normalised=settings.normalise, keep=keep),
                read_file_rows(source, settings.split),
            )
            review = Review() if settings.review is None else read_review(Path(settings.review))
            counts = None if settings.review is None else count_review(rows, source, review, settings.review)
        except DataError as error:
            raise DataError(re.sub(r"\bdata\.(?=label)", "", str(error))) from error.__cause__
        # Rows excluded by the review are still searched, so that the neighbour table only depends on the data.
        reviewed = reviewed_file_rows(rows, source, review)
        note(
            f"{len(rows.mined):,} rows of width {vectors.shape[1]}, {_classes(rows):,} classes{_without(rows)}"
        )
        alike = said_alike(rows.labels.names)
        told = [] if counts is None else [counts.sentence(f"--review {settings.review}")]
        for remark in [*alike, *told]:
            note(remark)
        chunks = _chunks(settings, rows, reviewed, vectors, note)
        wanted = default_neighbours(len(rows.mined)) if settings.neighbours is None else settings.neighbours
        work = _Work(folder, scratch, settings, chunks, wanted, note, rows)
        graph, counted = _mined_here(work) if cluster is None else _mined_on_workers(work, cluster)
        write_table(folder / CONFUSION, confusion_table(counted.confusion, chunks.labels))
        by_class = classes_table(counted.by_class, chunks.labels, chunks.excluded)
        write_table(folder / CLASSES, by_class)
        report = counted.report
        remarks = why_not_all(report, chunks.labels, wanted, chunks.excluded) + work.remarks_on(graph, "rows")
        if not report.triplets:
            raise DataError("no triplet was found: " + "; ".join(remarks))
        note(
            f"mined {report.triplets:,} triplets for {report.anchors_with_triplet:,} of "
            f"{report.anchors - report.anchors_excluded:,} anchors"
        )
        for remark in remarks:
            note(remark)
        remarks = [*alike, *told, *remarks]
        audit = _audit(work, report)
        if counts is not None:
            write_review(folder / REVIEW, review)
        publish_json(
            folder / SETTINGS, _described(settings, graph, report, vectors.shape, rows, counts, remarks)
        )
    return MinedFiles(
        out, len(rows.mined), _classes(rows), graph, report, audit, rows.left_out, tuple(remarks)
    )


@dataclass(frozen=True, slots=True)
class _Work(MiningWork[RowChunks]):
    rows: FileRows


def _classes(rows: FileRows) -> int:
    """Number of classes with a mined row."""
    return int(np.count_nonzero(rows.labels.sizes(rows.excluded)))


def _without(rows: FileRows) -> str:
    counts = ", ".join(f"{count:,} {split}" for split, count in rows.left_out.items())
    return f"; left out: {counts} rows (--split)" if counts else ""


def _chunks(
    settings: _Settings,
    rows: FileRows,
    reviewed: Reviewed,
    vectors: NDArray[np.float32],
    note: Callable[[str], None],
) -> RowChunks:
    """The chunks to mine. Raises: DataError for rows that cannot be mined, and files that do not match them."""
    excluded = either(rows.excluded, reviewed.excluded)
    check_minable(reviewed.labels, vectors, excluded)
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
    scores = None
    if settings.rescore is not None:
        scores = open_scores(settings.rescore, rows.keys, form=settings.form_of_lists)
    return RowChunks(
        rule=settings.rule,
        labels=reviewed.labels,
        rows=None if rows.excluded is None else rows.mined,
        excluded=excluded,
        never_negatives=united(never, reviewed.never_negatives),
        groups=rows.groups,
        vectors=vectors,
        scores=scores,
        teacher=settings.teacher,
    )


def _mined_here(work: _Work) -> tuple[GraphReport, Counted]:
    settings, chunks = work.settings, work.chunks
    assert chunks.vectors is not None
    with scratch_table(work.folder, work.neighbours) as scratch:
        graph = stream_neighbours(
            chunks.vectors if chunks.rows is None else chunks.vectors[chunks.rows],
            work.neighbours,
            scratch.write,
            method=settings.method,
            recall_target=settings.recall_target,
            threads=settings.threads,
            seed=settings.seed,
            memory_mib=settings.memory_mib,
        )
        work.found(graph)
        return graph, summed(write_chunks(work.folder, chunks, work.tasks, scratch.read, settings.threads))


def _mined_on_workers(work: _Work, cluster: ClusterSpec) -> tuple[GraphReport, Counted]:
    settings, chunks = work.settings, work.chunks
    assert chunks.vectors is not None
    stored = VectorFile(work.scratch / "vectors", *chunks.vectors.shape)
    searched = stored
    if chunks.rows is not None:
        searched = stored.selected(work.scratch / "searched", chunks.rows)
    hand_rows(work.scratch, chunks, work.rows.keys if settings.rescore else None)
    with open_workers(
        cluster, work.folder, work.note, memory_mib=settings.memory_mib, least_mib=work.chunk_mib
    ) as (executor, memory_mib):
        search = PartedSearch(
            work.scratch,
            searched,
            None,
            None,
            neighbours=work.neighbours,
            recall_target=settings.recall_target,
            parts=1,
            parameters=ExactParameters(),
            seed=settings.seed,
            threads=settings.threads,
            memory_mib=memory_mib,
        )
        graph, search = search_on_workers(
            search,
            executor,
            settings.method,
            held=min(BLOCK_ROWS, searched.rows),
            memory_mib=settings.memory_mib,
        )
        work.found(graph)
        job = ChunkJob.of(settings, work.folder, search, stored, None)
        return graph, summed(mine_on_workers(job, executor, work.tasks))


def _audit(work: _Work, report: MiningReport) -> dict[str, Any] | None:
    settings, chunks = work.settings, work.chunks
    assert chunks.vectors is not None
    if not settings.audit_sample:
        return None
    found = audit_parts(
        (coded_columns(path, chunks.labels) for path in sorted(work.folder.glob("triplets/*.parquet"))),
        chunks.labels,
        chunks.vectors,
        settings.rule,
        sample=settings.audit_sample,
        anchors=report.anchors_with_triplet,
        seed=settings.seed,
        excluded=chunks.excluded,
        never_negatives=chunks.never_negatives,
        groups=chunks.groups,
    )
    publish_json(work.folder / AUDIT, found.as_dict())
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
