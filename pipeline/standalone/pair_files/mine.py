"""Mine files of queries and a corpus into a folder. Needs no run directory, torch or Prefect."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....mining.audit.check import audit_parts
from ....mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET
from ....mining.graphs.build import GraphReport, neighbours_of
from ....mining.graphs.choose import parts_within
from ....mining.graphs.parameters import ExactParameters
from ....mining.miner_input import Corpus
from ....mining.neighbours import NeighbourTable
from ....mining.report import MiningReport
from ....mining.rescoring.bound import TeacherBound
from ....mining.rule import MiningRule
from ...artifacts.triplets import AUDIT, coded_columns
from ...data.files import locate
from ...errors import DataError
from ...runfile.run_spec import ClusterSpec
from ...runfile.work_specs import MineSpec
from ...storage.publish import publish_json
from ...storage.vector_file import VectorFile
from ..in_parts.chunks import Counted, PairChunks, summed, write_chunks
from ..in_parts.new_folder import new_folder, require_new_folder, scratch_folder
from ..in_parts.on_workers import ChunkJob, cluster_of, hand_pairs, mine_on_workers, open_workers
from ..in_parts.parted import PartedSearch
from ..in_parts.search import search_on_workers
from ..in_parts.work import MiningWork
from ..mine_files import SETTINGS
from ..mining_settings import MiningSettings
from ..never_negatives import read_never_negatives
from ..pairs_on_arrays import KeptApart
from ..teacher.scores import open_scores
from .folder import IDS, write_sides
from .inputs import Side, read_groups, read_pairs, read_side, same_names
from .remarks import remarks_before, unlabelled_copies, why_not_all_queries

_QUERIES, _CORPUS = "queries", "corpus"
"""File names of their vectors for workers."""


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
    """The result of ``mine_pair_files``: the folder of triplets, and reports of search, mining and audit.

    Attributes:
        folder: The folder with the files.
        queries: Number of queries.
        documents: Number of documents.
        graph: How the neighbours were found.
        mining: Queries, coverage, hinge, refusals.
        audit: Result of the audit; None if it was left out.
        left_out: Number of pairs left out, by reason.
        remarks: Sentences for the user.
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
    cluster: str | None = None,
    workers: int | None = None,
    note: Callable[[str], None] | None = None,
) -> MinedPairFiles:
    """Search the corpus for each query, mine and audit, and write the results atomically to the folder `out`.

    The folder holds triplets/part-*.parquet, relevance.parquet, queries.parquet and corpus.parquet (the keys),
    neighbours.zarr, audit.json and mining.json. Ids of anchors are row numbers of the queries; ids of positives and
    negatives are row numbers of the corpus.

    Args:
        queries: .npy, .npz, Zarr or Parquet file with vectors (Q, D); a column key names the rows of a table.
        corpus: The same for the documents, (C, D), embedded by the same model.
        relevant: Parquet, CSV or TSV file with a pair of keys per line, query and document, or of row numbers,
            query_row and document_row; optionally with a grade, above 0 for relevant.
        out: A new folder.
        rule: As in ``mine_pairs``.
        same_items: A document with the key of a query is that query, and left out of its neighbours and positives.
        neighbours: K; by default 150, or the whole corpus if it is smaller.
        normalise: Scale the vectors to unit length first.
        method: Search method, as in ``neighbours``.
        recall_target: Share of the true neighbours that the search must find.
        threads: Number of threads; by default all cores.
        seed: Random seed.
        memory_mib: Memory in MiB for the search, or with workers for each of them; the corpus is searched in parts that
            fit into half of it, one after the other.
        chunk_rows: Queries per Parquet part.
        audit_sample: Number of queries whose triplets are checked at the end; 0 leaves the audit out.
        never_negatives: A file of documents that are never a query's negative, with columns as in relevant.
        rescore: As in ``mine_files``, with lists of keys of queries and of documents.
        teacher: The bound on the teacher's scores of negatives, by default ``TeacherBound()``.
        separator: Separator between the cells of text files, one character.
        columns: The names of vector, key and group in the tables of vectors, and of query, document and grade in the
            table of pairs.
        cluster: As in ``mine_files``.
        workers: As in ``mine_files``.
        note: Called with messages about the progress.

    Raises:
        DataError: For files that cannot be read or do not match each other, and if no triplet is found.
        InputError: For settings that do not suit the vectors.
        SpecError: If `out` exists.
        UnavailableError: As ``mine_files`` does.
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
    return _mine(settings, Path(out), note or (lambda _: None), cluster_of(cluster, workers))


def _mine(
    settings: _Settings, out: Path, note: Callable[[str], None], cluster: ClusterSpec | None
) -> MinedPairFiles:
    require_new_folder(out)
    with new_folder(out) as folder, scratch_folder(folder) as scratch:
        queries, corpus = (
            read_side(
                location,
                normalised=settings.normalise,
                form=settings.form,
                keep=None if cluster is None else scratch / name,
            )
            for location, name in ((settings.queries, _QUERIES), (settings.corpus, _CORPUS))
        )
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
        chunks = PairChunks(
            rule=settings.rule,
            relevance=known,
            anchors=np.flatnonzero(known.relevant.counts()),
            kept_apart=_kept_apart(settings, queries, corpus, note),
            queries=queries.vectors,
            corpus=corpus.vectors,
            scores=scores,
            teacher=settings.teacher,
        )
        wanted = min(NEIGHBOURS, len(corpus)) if settings.neighbours is None else settings.neighbours
        work = _Work(folder, scratch, settings, chunks, wanted, note, own)
        graph, counted, copies = (
            _mined_here(work) if cluster is None else _mined_on_workers(work, cluster, queries, corpus)
        )
        report = counted.report
        after = why_not_all_queries(report, copies, known, wanted) + work.remarks_on(graph, "queries")
        if not report.triplets:
            raise DataError("no triplet was found: " + "; ".join(after))
        note(
            f"mined {report.triplets:,} triplets for {report.anchors_with_triplet:,} of {report.anchors:,} queries "
            "with a relevant document"
        )
        for remark in after:
            note(remark)
        write_sides(folder, queries, corpus, known)
        audit = _audit(work, report)
        remarks = [*remarks, *after]
        publish_json(folder / SETTINGS, _described(work, graph, report, left_out, remarks))
    return MinedPairFiles(
        out, len(queries), len(corpus), graph, report, audit, dict(left_out), tuple(remarks)
    )


@dataclass(frozen=True, slots=True)
class _Work(MiningWork[PairChunks]):
    """own: int64 (Q,), see `relevance_of`."""

    own: NDArray[np.int64] | None

    @property
    def own_of_anchors(self) -> NDArray[np.int64] | None:
        """int64 (A,): `own` of the searched queries."""
        return None if self.own is None else self.own[self.chunks.anchors]

    @property
    def parts(self) -> int:
        """The number of parts in which the corpus is searched to stay within the memory."""
        rows, width = self.chunks.corpus.shape
        return parts_within(
            rows, width, self.neighbours, method=self.settings.method, memory_mib=self.settings.memory_mib
        )


def _kept_apart(settings: _Settings, queries: Side, corpus: Side, note: Callable[[str], None]) -> KeptApart:
    """The pairs that are never negatives, and the groups of both sides, if asked for."""
    never, groups = None, (None, None)
    if settings.never_negatives is not None:
        never = read_never_negatives(
            settings.never_negatives, queries.names, corpus.names, form=settings.form_of_lists, note=note
        )
    if settings.rule.guards.same_group is not None:
        groups = read_groups(settings.queries, settings.corpus, settings.form)
    return KeptApart(never, *groups)


def _mined_here(work: _Work) -> tuple[GraphReport, Counted, int]:
    """The report of the search, the counts of mining, and `unlabelled_copies`."""
    settings, chunks = work.settings, work.chunks
    whole = len(chunks.anchors) == len(chunks)
    table, graph = neighbours_of(
        chunks.corpus,
        work.neighbours,
        queries=chunks.queries if whole else chunks.queries[chunks.anchors],
        own=work.own_of_anchors,
        method=settings.method,
        recall_target=settings.recall_target,
        parts=work.parts,
        threads=settings.threads,
        seed=settings.seed,
        memory_mib=settings.memory_mib,
    )
    work.found(graph)

    def lines(first: int, last: int) -> NeighbourTable:
        return NeighbourTable(table.ids[first:last], table.sq_distances[first:last])

    counted = summed(write_chunks(work.folder, chunks, work.tasks, lines, settings.threads))
    return graph, counted, unlabelled_copies(table, chunks.relevance, chunks.anchors)


def _mined_on_workers(
    work: _Work, cluster: ClusterSpec, queries: Side, corpus: Side
) -> tuple[GraphReport, Counted, int]:
    """The same on workers."""
    settings, chunks = work.settings, work.chunks
    stored, asked = (
        VectorFile(work.scratch / name, *vectors.shape)
        for name, vectors in ((_CORPUS, chunks.corpus), (_QUERIES, chunks.queries))
    )
    searched = asked
    if len(chunks.anchors) < len(chunks):
        searched = asked.selected(work.scratch / "searched", chunks.anchors)
    own = None
    if work.own_of_anchors is not None:
        own = work.scratch / "own.npy"
        np.save(own, work.own_of_anchors)
    hand_pairs(work.scratch, chunks, (queries.names, corpus.names) if settings.rescore else None)
    with open_workers(
        cluster, work.folder, work.note, memory_mib=settings.memory_mib, least_mib=work.chunk_mib
    ) as (executor, memory_mib):
        search = PartedSearch(
            work.scratch,
            stored,
            searched,
            own,
            neighbours=work.neighbours,
            recall_target=settings.recall_target,
            parts=work.parts,
            parameters=ExactParameters(),
            seed=settings.seed,
            threads=settings.threads,
            memory_mib=memory_mib,
        )
        graph, search = search_on_workers(
            search, executor, settings.method, held=searched.rows, memory_mib=settings.memory_mib
        )
        work.found(graph)
        copies = sum(
            unlabelled_copies(
                search.lines(block.start, block.stop),
                chunks.relevance,
                chunks.anchors[block.start : block.stop],
            )
            for block in search.blocks()
        )
        job = ChunkJob.of(settings, work.folder, search, stored, asked)
        return graph, summed(mine_on_workers(job, executor, work.tasks)), copies


def _audit(work: _Work, report: MiningReport) -> dict[str, Any] | None:
    if not work.settings.audit_sample:
        return None
    chunks = work.chunks
    labels = chunks.relevance.labels()
    found = audit_parts(
        (coded_columns(path, labels) for path in sorted(work.folder.glob("triplets/*.parquet"))),
        labels,
        chunks.queries,
        work.settings.rule,
        sample=work.settings.audit_sample,
        anchors=report.anchors_with_triplet,
        seed=work.settings.seed,
        never_negatives=chunks.kept_apart.never_negatives,
        groups=chunks.kept_apart.query_groups,
        corpus=Corpus(
            chunks.relevance.corpus_labels(), chunks.corpus, groups=chunks.kept_apart.corpus_groups
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
        "queries": work.chunks.queries.shape,
        "corpus": work.chunks.corpus.shape,
        "left_out": dict(left_out),
        "graph": asdict(graph),
        "counts": report.counts(),
        "remarks": remarks,
    }
    return json.loads(json.dumps({"settings": described, **found}))
