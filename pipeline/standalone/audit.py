"""Audit mined triplets, and list suspects."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...mining.audit.check import AuditReport, audit_parts
from ...mining.graphs.exact import index as exact
from ...mining.graphs.recall import recall_at_k
from ...mining.graphs.table_check import untrue_rows
from ...mining.neighbours import NO_ROW, NeighbourTable
from ...mining.pairs.suspects import unlabelled_positives
from ...mining.suspects import Suspects, suspects
from ..artifacts.neighbours import read_some_neighbours, sampled_rows
from ..artifacts.suspects import nearest_of, undecided, write_suspects, write_unlabelled
from ..artifacts.triplets import coded_columns
from ..data.review.csv_file import merged, read_review
from ..errors import CorruptError, SpecError, UnavailableError
from .triplet_folder import TripletSource, open_triplets

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TripletAudit:
    """The result of auditing triplets and `table_rows` lines of the neighbour table.

    recall: recall of these lines. untrue: number of them that violate the contract of a neighbour table. recall_target:
    the target of the search. All are None or 0 if the table was not checked.
    """

    triplets: AuditReport
    table_rows: int = 0
    recall: float | None = None
    untrue: int = 0
    recall_target: float | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is violated. A recall below its target is not a violation."""
        return self.triplets.ok and not self.untrue

    @property
    def short(self) -> bool:
        """Whether the recall is below its target."""
        return self.recall is not None and self.recall_target is not None and self.recall < self.recall_target


def audit_folder(
    folder: Path,
    *,
    epoch: int | None = None,
    sample: int | None = None,
    recall_sample: int = 1000,
    seed: int = 0,
    note: Note = lambda _: None,
) -> TripletAudit:
    """Check triplets against embeddings and labels, and a sample of the neighbour table against exact search.

    folder, epoch: see `open_triplets`. sample: number of anchors to check, each with all its triplets; None checks all.
    recall_sample: number of lines of the neighbour table to check; 0 leaves it out.
    Raises: SpecError for a folder without triplets; CorruptError for a missing table; the errors of other files.
    """
    needs = ("mine", "embed", "graph") if recall_sample else ("mine", "embed")
    source = open_triplets(folder, epoch, needs=needs)
    if source.chosen:
        note(source.chosen)
    vectors = source.vectors()
    of = "classes" if source.corpus is None else "documents"
    note(f"{len(source.labels)} rows, {source.labels.classes} {of}, {len(source.files)} parts")
    corpus = None if source.corpus is None else source.corpus.rows()
    report = audit_parts(
        (coded_columns(path, source.labels) for path in source.files),
        source.labels,
        vectors,
        source.rule,
        sample=sample,
        anchors=len(source.labels),
        seed=seed,
        excluded=source.left_out,
        never_negatives=source.never_negatives,
        groups=source.groups,
        corpus=corpus,
    )
    if not recall_sample:
        return TripletAudit(report)
    if source.pruned:
        note(f"the neighbour table is not checked: run.keep.graph deleted {source.neighbours}")
        return TripletAudit(report)
    if corpus is not None and corpus.vectors is not None:
        return _with_table_of_queries(report, source, vectors, corpus.vectors, recall_sample, seed)
    return _with_table(report, source, vectors, recall_sample, seed)


def _with_table(
    report: AuditReport, source: TripletSource, vectors: NDArray[np.float32], recall_sample: int, seed: int
) -> TripletAudit:
    excluded = source.excluded
    searched = vectors if excluded is None else vectors[~excluded]
    places = sampled_rows(len(searched), recall_sample, seed)
    rows = places if excluded is None else np.flatnonzero(~excluded)[places]
    found = _lines(source, rows)
    untrue = untrue_rows(found, rows, vectors, excluded=excluded)
    true = exact.build(searched).search(
        searched[places], query_ids=places, neighbours=found.neighbours, threads=1
    )
    return TripletAudit(report, len(rows), recall_at_k(found, true), int(untrue.sum()), source.recall_target)


def _with_table_of_queries(
    report: AuditReport,
    source: TripletSource,
    vectors: NDArray[np.float32],
    corpus: NDArray[np.float32],
    recall_sample: int,
    seed: int,
) -> TripletAudit:
    """The same for queries and a corpus: ids are rows of the corpus, and queries without a relevant document have no
    line."""
    assert source.corpus is not None
    asked = np.flatnonzero(source.corpus.relevance.relevant.counts())
    rows = asked[sampled_rows(len(asked), recall_sample, seed)]
    own = np.full(len(rows), NO_ROW, np.int64) if source.corpus.own is None else source.corpus.own[rows]
    found = _lines(source, rows)
    untrue = untrue_rows(found, rows, vectors, corpus=corpus, own=own)
    true = exact.build(corpus).search(
        np.ascontiguousarray(vectors[rows]), query_ids=own, neighbours=found.neighbours, threads=1
    )
    return TripletAudit(report, len(rows), recall_at_k(found, true), int(untrue.sum()), source.recall_target)


def _lines(source: TripletSource, rows: NDArray[np.int64]) -> NeighbourTable:
    try:
        return read_some_neighbours(source.neighbours, rows)
    except CorruptError as error:
        raise CorruptError(f"{error}, or leave the table out with --recall-sample 0") from None


def list_suspects(
    folder: Path,
    out: Path,
    *,
    epoch: int | None = None,
    minimum_score: float = 0.5,
    review: Path | None = None,
    note: Note = lambda _: None,
) -> dict[str, int]:
    """Write mislabelled.parquet and false_negatives.parquet into the new folder `out`, for review.

    For queries and documents, unlabelled_positives.parquet is written instead. Returns the number of rows by file name.

    folder, epoch: see `open_triplets`. review: a CSV file of decisions. Rows and pairs decided in it, in the review
    used for mining, or in that of the run file are not listed again.
    Raises: SpecError if `out` exists; UnavailableError without neighbours.
    """
    source = open_triplets(folder, epoch, needs=("mine", "graph"))
    if out.exists():
        raise SpecError(f"{out} exists already: choose another folder, or remove it")
    if source.chosen:
        note(source.chosen)
    if source.corpus is not None:
        table = nearest_of(_every_line(source))
        pairs = unlabelled_positives(table, source.corpus.relevance, minimum_score=minimum_score)
        return {write_unlabelled(out, pairs, source.keys, source.corpus.keys): len(pairs["query"])}
    every = suspects_of(source, minimum_score=minimum_score)
    decided = source.review if review is None else merged(source.review, read_review(review))
    found = undecided(every, source.keys, decided)
    hidden = _listed(every) - _listed(found)
    if hidden:
        note(f"{hidden:,} rows and pairs are decided, and not listed again")
    names = write_suspects(out, found, source.labels, source.keys)
    return dict(zip(names, (len(found.mislabelled["row"]), len(found.false_negatives["row"])), strict=True))


def _listed(found: Suspects) -> int:
    return len(found.mislabelled["row"]) + len(found.false_negatives["row"])


def suspects_of(source: TripletSource, *, minimum_score: float = 0.5) -> Suspects:
    """Suspects among the mined rows. Raises: UnavailableError without neighbours."""
    return suspects(nearest_of(_every_line(source)), source.labels, minimum_score=minimum_score)


def _every_line(source: TripletSource) -> NeighbourTable:
    if source.pruned:
        raise UnavailableError(f"{source.neighbours} was deleted by run.keep.graph: take a later epoch")
    return read_some_neighbours(source.neighbours, np.arange(len(source.labels), dtype=np.int64))
