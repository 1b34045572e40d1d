"""Queries against a corpus, from files into a folder. No run directory, no torch, no Prefect."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....mining.audit.check import audit_parts
from ....mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET
from ....mining.graphs.build import GraphReport, neighbours_of
from ....mining.graphs.choose import parts_within
from ....mining.graphs.remeasure import empty_table
from ....mining.miner_input import Corpus
from ....mining.neighbours import NeighbourTable
from ....mining.pairs.relevance import Relevance
from ....mining.report import MiningReport, merge_reports
from ....mining.rescoring.bound import TeacherBound
from ....mining.rule import MiningRule
from ...artifacts.neighbours import create_neighbours, write_neighbours
from ...artifacts.triplets import AUDIT, coded_columns, pair_table, part_name
from ...data.files import locate
from ...errors import DataError
from ...runfile.work_specs import MineSpec
from ...storage.publish import publish_json
from ...storage.tables import write_table
from ..mine_files import SETTINGS, require_new_folder
from ..mining_settings import MiningSettings
from ..never_negatives import keep_never_negatives, read_never_negatives
from ..pairs_on_arrays import KeptApart, mine_relevant
from ..teacher.scores import Scores, open_scores, rescored
from .folder import IDS, write_sides
from .inputs import Side, read_groups, read_pairs, read_side, same_names
from .remarks import remarks_before, why_not_all_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings(MiningSettings):
    """The arguments of `mine_pair_files`, as mining.json records them."""

    named: ClassVar = ("vector", "key", "group", "query", "document", "grade")

    queries: str
    corpus: str
    relevant: str
    same_items: bool


@dataclass(frozen=True, slots=True)
class MinedPairFiles:
    """Where the triplets are, what the search and the mining counted, and what the audit found.

    Attributes:
        folder: Where the files are.
        queries: That there are.
        documents: That there are.
        graph: How the neighbours were found.
        mining: Queries, coverage, hinge, refusals.
        audit: What did not hold; None where it was left out.
        left_out: Pairs that were, counted by what they lack.
        remarks: What a person should know, one sentence each.
    """

    folder: Path
    queries: int
    documents: int
    graph: GraphReport
    mining: MiningReport
    audit: dict[str, Any] | None
    left_out: Mapping[str, int]
    remarks: tuple[str, ...]


def mine_pair_files(
    queries: str | Path,
    corpus: str | Path,
    relevant: str | Path,
    out: str | Path,
    rule: MiningRule | None = None,
    *,
    same_items: bool = False,
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
) -> MinedPairFiles:
    """Search the corpus for each query, mine and audit; write the folder `out` in one go.

    It holds triplets/part-*.parquet, relevance.parquet, queries.parquet and corpus.parquet (the keys),
    neighbours.zarr, audit.json and mining.json. Ids are rows of the queries' file (anchor) and of the corpus'
    (positive, negative).

    Args:
        queries: .npy, .npz, Zarr or Parquet with vectors (Q, D); a column key names the rows of a table.
        corpus: The same of the documents, (C, D), embedded by the same model.
        relevant: Parquet, CSV or TSV with a pair of keys a line, query and document, or of rows, query_row and
            document_row; perhaps with a grade, above 0 for relevant.
        out: A new folder.
        rule: As in ``mine_pairs``.
        same_items: A document with the key of a query is that query, and left out of its neighbours and positives.
        neighbours: K; by default 150, or what the corpus has.
        normalise: Scale the vectors to unit length first.
        method: Of the search, as in ``neighbours``.
        recall_target: Share of the true neighbours to find.
        threads: By default all cores.
        seed: Of the search.
        memory_mib: What the search may use; the corpus is searched in parts that fit into half of it, one after the
            other.
        chunk_rows: Queries of one Parquet part.
        audit_sample: Queries that are derived again at the end; 0 leaves it out.
        never_negatives: A file of documents that are never a query's negative, with columns as in relevant.
        rescore: As in ``mine_files``; the lists of keys are of queries and of documents.
        teacher: The bound under which a negative stays, by default ``TeacherBound()``.
        separator: Between the cells of text files, one character.
        columns: What vector, key and group are called in the tables of vectors, and query, document and grade in that
            of pairs.
        note: Hears what is going on.

    Raises:
        DataError: For files that cannot be read, or do not fit each other.
        InputError: For settings that do not fit the vectors, and where no triplet is found.
        SpecError: When `out` is there.
    """
    settings = _Settings(
        queries=str(queries),
        corpus=str(corpus),
        relevant=str(relevant),
        same_items=same_items,
        rule=replace(MiningRule() if rule is None else rule, positives="class"),
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
    return _mine(settings, Path(out), note or (lambda _: None))


def _mine(settings: _Settings, out: Path, note: Callable[[str], None]) -> MinedPairFiles:
    require_new_folder(out)
    queries = read_side(settings.queries, normalised=settings.normalise, form=settings.form)
    corpus = read_side(settings.corpus, normalised=settings.normalise, form=settings.form)
    if queries.vectors.shape[1] != corpus.vectors.shape[1]:
        raise DataError(
            f"{settings.queries} has vectors of width {queries.vectors.shape[1]} and {settings.corpus} of width "
            f"{corpus.vectors.shape[1]}: embed both with one model"
        )
    own = same_names(queries.names, corpus.names) if settings.same_items else None
    known, left_out = read_pairs(settings.relevant, queries, corpus, own=own, form=settings.form)
    note(
        f"{len(queries):,} queries and {len(corpus):,} documents of width {corpus.vectors.shape[1]}, "
        f"{len(known.relevant.documents):,} relevant pairs"
    )
    remarks = remarks_before(known, left_out, queries, corpus, own)
    for remark in remarks:
        note(remark)
    scores = None
    if settings.rescore is not None:
        scores = open_scores(settings.rescore, queries.names, corpus.names, form=settings.form_of_lists)
    kept_apart = _kept_apart(settings, queries, corpus, note)
    anchors = np.flatnonzero(known.relevant.counts())
    rows, width = corpus.vectors.shape
    wanted = min(NEIGHBOURS, len(corpus)) if settings.neighbours is None else settings.neighbours
    table, graph = neighbours_of(
        corpus.vectors,
        wanted,
        queries=queries.vectors if len(anchors) == len(queries) else queries.vectors[anchors],
        own=None if own is None else own[anchors],
        method=settings.method,
        recall_target=settings.recall_target,
        parts=parts_within(rows, width, wanted, method=settings.method, memory_mib=settings.memory_mib),
        threads=settings.threads,
        seed=settings.seed,
        memory_mib=settings.memory_mib,
    )
    note(f"graph: {graph.method}, recall {graph.recall:.4f}: {graph.why}")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    work = _Work(partial, settings, queries, corpus, known, anchors, table, kept_apart, scores)
    _write_neighbours(work)
    report = _write_triplets(work)
    after = why_not_all_queries(report, table, known, anchors, wanted)
    if graph.recall < settings.recall_target:
        after.append(
            f"the recall, {graph.recall:.4f} on {graph.recall_rows:,} queries, is below --recall-target = "
            f"{settings.recall_target:g}: raise that a little, or search with --method exact"
        )
    if not report.triplets:
        shutil.rmtree(partial)
        raise DataError("no triplet was found: " + "; ".join(after))
    note(
        f"mined {report.triplets:,} triplets for {report.anchors_with_triplet:,} of {report.anchors:,} queries "
        "with a relevant document"
    )
    for remark in after:
        note(remark)
    write_sides(partial, queries, corpus, known)
    audit = _audit(work, report)
    remarks = [*remarks, *after]
    publish_json(partial / SETTINGS, _described(work, graph, report, left_out, remarks))
    partial.replace(out)
    return MinedPairFiles(
        out, len(queries), len(corpus), graph, report, audit, dict(left_out), tuple(remarks)
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What is mined, and into which folder. anchors: int64 (A,), the queries that the lines of the table are of."""

    folder: Path
    settings: _Settings
    queries: Side
    corpus: Side
    relevance: Relevance
    anchors: NDArray[np.int64]
    table: NeighbourTable
    kept_apart: KeptApart
    scores: Scores | None

    def chunks(self) -> Iterator[tuple[int, int, slice]]:
        """Ranges of queries, and the lines of the table that are theirs."""
        step = self.settings.chunk_rows
        for start in range(0, len(self.queries), step):
            stop = min(start + step, len(self.queries))
            first, last = np.searchsorted(self.anchors, (start, stop)).tolist()
            yield start, stop, slice(first, last)

    def lines(self, some: slice) -> NeighbourTable:
        """Some lines of the table."""
        return NeighbourTable(self.table.ids[some], self.table.sq_distances[some])


def _kept_apart(settings: _Settings, queries: Side, corpus: Side, note: Callable[[str], None]) -> KeptApart:
    """What is never a query's negative, and the groups of both sides, as far as they are asked for."""
    never, groups = None, (None, None)
    if settings.never_negatives is not None:
        never = read_never_negatives(
            settings.never_negatives, queries.names, corpus.names, form=settings.form_of_lists, note=note
        )
    if settings.rule.guards.same_group is not None:
        groups = read_groups(settings.queries, settings.corpus, settings.form)
    return KeptApart(never, *groups)


def _write_neighbours(work: _Work) -> None:
    """The table with a line for each query; those without a relevant document were not searched for."""
    width = work.table.neighbours
    create_neighbours(
        work.folder, rows=len(work.queries), neighbours=width, chunk_rows=work.settings.chunk_rows
    )
    for start, stop, lines in work.chunks():
        whole = empty_table(stop - start, width)
        places = work.anchors[lines] - start
        whole.ids[places], whole.sq_distances[places] = work.table.ids[lines], work.table.sq_distances[lines]
        write_neighbours(work.folder, start, whole)


def _write_triplets(work: _Work) -> MiningReport:
    reports = []
    if work.kept_apart.never_negatives is not None:
        keep_never_negatives(work.folder, work.kept_apart.never_negatives)
    for index, (_, _, lines) in enumerate(work.chunks()):
        mined = mine_relevant(
            work.lines(lines),
            work.relevance,
            work.settings.rule,
            work.queries.vectors,
            work.corpus.vectors,
            anchors=work.anchors[lines],
            kept_apart=work.kept_apart,
            threads=work.settings.threads,
        )
        if work.scores is not None:
            mined = rescored(mined, work.scores, work.settings.teacher, work.settings.rule, None)
        write_table(work.folder / part_name(index), pair_table(mined.columns))
        reports.append(mined.report)
    return merge_reports(reports)


def _audit(work: _Work, report: MiningReport) -> dict[str, Any] | None:
    if not work.settings.audit_sample:
        return None
    labels = work.relevance.labels()
    found = audit_parts(
        (coded_columns(path, labels) for path in sorted(work.folder.glob("triplets/*.parquet"))),
        labels,
        work.queries.vectors,
        work.settings.rule,
        sample=work.settings.audit_sample,
        anchors=report.anchors_with_triplet,
        seed=work.settings.seed,
        never_negatives=work.kept_apart.never_negatives,
        groups=work.kept_apart.query_groups,
        corpus=Corpus(
            work.relevance.corpus_labels(), work.corpus.vectors, groups=work.kept_apart.corpus_groups
        ),
    )
    publish_json(work.folder / AUDIT, found.as_dict())
    return found.as_dict()


def _described(
    work: _Work, graph: GraphReport, report: MiningReport, left_out: Mapping[str, int], remarks: list[str]
) -> dict[str, Any]:
    described = asdict(work.settings)
    for name in ("queries", "corpus", "relevant"):
        described[name] = locate(described[name], Path())
    found = {
        "ids": IDS,
        "queries": work.queries.vectors.shape,
        "corpus": work.corpus.vectors.shape,
        "left_out": dict(left_out),
        "graph": asdict(graph),
        "counts": report.counts(),
        "remarks": remarks,
    }
    return json.loads(json.dumps({"settings": described, **found}))
