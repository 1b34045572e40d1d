"""Mine arrays of queries and a corpus in memory. Writes nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...mining.audit.check import AuditReport, check_triplets
from ...mining.defaults import RECALL_TARGET
from ...mining.errors import InputError
from ...mining.guarding.groups import group_codes
from ...mining.guarding.never_negatives import PairLists, pair_lists
from ...mining.miner import Mined
from ...mining.miner import mine as mine_table
from ...mining.miner_input import Corpus
from ...mining.neighbours import NO_ROW, NeighbourTable
from ...mining.pairs.relevance import Relevance, pairs_of, relevance_of
from ...mining.pairs.suspects import unlabelled_positives as suspected
from ...mining.rescoring.bound import TeacherBound
from ...mining.rule import MiningRule
from ..artifacts.suspects import NEAREST, nearest_of
from .on_arrays import Neighbours, Teacher, check_groups_asked_for, refuse_method, unit_vectors
from .on_arrays import neighbours as nearest
from .pair_set import PairSet
from .teacher.scores import in_blocks, rescored

Relevant = ArrayLike | Mapping[int, Iterable[int]] | Mapping[int, Mapping[int, float]]
"""Pairs (P, 2) of a query's and a document's row; or a mapping from queries to their documents, or to the grades of
these."""


def mine_pairs(
    queries: ArrayLike,
    corpus: ArrayLike,
    relevant: Relevant,
    rule: MiningRule | None = None,
    *,
    grades: ArrayLike | None = None,
    own: ArrayLike | None = None,
    never_negatives: ArrayLike | None = None,
    groups: tuple[Iterable[object], Iterable[object]] | None = None,
    neighbours: int | NeighbourTable | None = None,
    normalise: bool = False,
    method: str = "auto",
    recall_target: float = RECALL_TARGET,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
    rescore: Teacher | None = None,
    teacher: TeacherBound | None = None,
) -> PairSet:
    """Mine hard triplets (query, relevant document, other document) against the whole corpus.

    Args:
        queries: (Q, D) vectors of unit length.
        corpus: (C, D) vectors of unit length, embedded by the same model.
        relevant: Integers (P, 2), pairs of the rows of a query and a relevant document; or a mapping from query rows to
            lists of document rows, or with grades ``{query: {document: grade}}``.
        rule: Which triplets to mine, by default ``MiningRule()``. All relevant documents are positives, with their true
            distances if they are not among the query's neighbours: ``rule.positives`` is always "class" here. A query
            with one relevant document gets one triplet, unless ``negatives_per_positive`` is raised.
        grades: Numbers (P,), one per pair: above 0 the document is relevant; at 0 or below it was judged irrelevant.
        own: Integers (Q,), for queries that are also documents: the row of the corpus that is the query itself, and so
            neither its positive nor its negative; −1 for none.
        never_negatives: Integers (M, 2), pairs of a query and a document that is never its negative.
        groups: For each query and for each document an integer or a string, None for no group;
            ``rule.guards.same_group`` says how rows of one group are treated.
        neighbours: K, by default 150 or the whole corpus if it is smaller; or a table from ``neighbours(corpus,
            queries=…)``, to mine with another rule without searching again.
        normalise: Scale the vectors to unit length first.
        method: Search method, as in ``neighbours``.
        recall_target: Share of the true neighbours that the search must find.
        threads: Number of threads; by default all cores.
        seed: Random seed of the search.
        memory_mib: Memory in MiB that the search may allocate.
        rescore: A teacher that scores the mined pairs: a function of rows of queries and rows of documents, int64 (P,)
            each, that returns a number for each pair, higher for those that belong together.
        teacher: The bound on the teacher's scores of negatives, by default ``TeacherBound()``; its refusals are counted
            in ``report.refused["teacher"]``.

    Raises:
        InputError: For vectors that cannot be mined or differ in width, pairs with unknown rows, and no relevant pair.
    """
    pairs = _opened(queries, corpus, relevant, grades=grades, own=own, normalise=normalise)
    rule = replace(MiningRule() if rule is None else rule, positives="class")
    kept_apart = _kept_apart(never_negatives, groups, rule, len(pairs.queries), len(pairs.corpus))
    table = pairs.lines(
        neighbours,
        method=method,
        recall_target=recall_target,
        threads=threads,
        seed=seed,
        memory_mib=memory_mib,
    )
    mined = mine_relevant(
        table,
        pairs.known,
        rule,
        pairs.queries,
        pairs.corpus,
        anchors=pairs.anchors,
        kept_apart=kept_apart,
        threads=threads,
    )
    if rescore is not None:
        mined = rescored(mined, in_blocks(rescore, "rescore"), teacher or TeacherBound(), rule, None)
    found = neighbours if isinstance(neighbours, NeighbourTable) else table
    graph = found.report if isinstance(found, Neighbours) else None
    return PairSet(mined.columns, pairs.known, rule, mined.report, graph)


def audit_pairs(
    triplets: PairSet,
    queries: ArrayLike,
    corpus: ArrayLike,
    *,
    normalise: bool = False,
    never_negatives: ArrayLike | None = None,
    groups: tuple[Iterable[object], Iterable[object]] | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> AuditReport:
    """Check triplets of queries and documents by deriving them again from the vectors.

    Args:
        triplets: The set to check; it holds relevance and rule.
        queries: The mined vectors (Q, D); also pass normalise, never_negatives and groups as in mining.
        corpus: The mined vectors (C, D).
        normalise: Scale the vectors to unit length first.
        never_negatives: Integers (M, 2), pairs of a query and a document.
        groups: For each query and for each document an integer or a string, None for no group.
        sample: Number of queries to check, each with all its triplets; by default all.
        seed: Random seed of the sample.

    Raises:
        InputError: For vectors that do not match the set.
    """
    known = triplets.relevance
    sides = {"queries": (queries, known.queries), "corpus": (corpus, known.corpus)}
    vectors = {
        name: unit_vectors(given, normalise=normalise, name=name) for name, (given, _) in sides.items()
    }
    for name, (_, rows) in sides.items():
        if len(vectors[name]) != rows:
            raise InputError(
                f"{name} has {len(vectors[name]):,} vectors but the triplets are of {rows:,}: give those that were "
                "mined"
            )
    apart = _kept_apart(never_negatives, groups, triplets.rule, known.queries, known.corpus)
    return check_triplets(
        triplets.columns,
        known.labels(),
        vectors["queries"],
        triplets.rule,
        sample=sample,
        seed=seed,
        never_negatives=apart.never_negatives,
        groups=apart.query_groups,
        corpus=Corpus(known.corpus_labels(), vectors["corpus"], groups=apart.corpus_groups),
    )


def unlabelled_positives(
    queries: ArrayLike,
    corpus: ArrayLike,
    relevant: Relevant,
    *,
    grades: ArrayLike | None = None,
    own: ArrayLike | None = None,
    neighbours: NeighbourTable | None = None,
    minimum_score: float = 0.5,
    normalise: bool = False,
    method: str = "auto",
    threads: int | None = None,
    seed: int = 0,
) -> dict[str, NDArray[Any]]:
    """Documents that look relevant to a query but are not labelled as relevant, strongest first.

    Args:
        queries: (Q, D) vectors of unit length, as in ``mine_pairs``; so are corpus, relevant, grades and own.
        corpus: (C, D) vectors of unit length.
        relevant: Pairs of a query's and a document's row, or a mapping.
        grades: Numbers (P,), one per pair.
        own: Integers (Q,), the row of the corpus that is the query itself, −1 for none.
        neighbours: A table, of which the 10 nearest documents are examined; if it holds no relevant document, its last
            distance stands for that of the nearest one. By default they are searched.
        minimum_score: List pairs that score at least this, above 0 and at most 1.
        normalise: Scale the vectors to unit length first.
        method: Search method, as in ``neighbours``.
        threads: Number of threads; by default all cores.
        seed: Random seed of the search.

    Returns:
        Columns query and document int64; rank int32; sq_distance, sq_positive (of the nearest relevant document) and
            score float32, 1 − sq_distance / sq_positive. Pass ``np.stack([found["query"], found["document"]], axis=1)``
            to ``mine_pairs(…, never_negatives=…)``.

    Raises:
        InputError: As ``mine_pairs`` does.
    """
    pairs = _opened(queries, corpus, relevant, grades=grades, own=own, normalise=normalise)
    nearest_rows = min(NEAREST, len(pairs.corpus) - (pairs.own is not None))
    table = pairs.lines(
        nearest_rows if neighbours is None else neighbours, method=method, threads=threads, seed=seed
    )
    return suspected(nearest_of(table), pairs.known, queries=pairs.anchors, minimum_score=minimum_score)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """queries float32 (Q, D), corpus float32 (C, D). own: int64 (Q,), the document that is the query itself, −1 for
    none; None if no query is a document. anchors: int64 (A,), the queries with a relevant document; others are not
    searched."""

    queries: NDArray[np.float32]
    corpus: NDArray[np.float32]
    own: NDArray[np.int64] | None
    known: Relevance
    anchors: NDArray[np.int64]

    def lines(self, neighbours: int | NeighbourTable | None, *, method: str, **search: Any) -> NeighbourTable:
        """The neighbours of `anchors`, searched or taken from a table of all queries."""
        if isinstance(neighbours, NeighbourTable):
            _check_given(neighbours, len(self.queries), method)
            return _of_anchors(neighbours, self.anchors, self.own)
        whole = len(self.anchors) == len(self.queries)
        return nearest(
            self.corpus,
            neighbours,
            queries=self.queries if whole else self.queries[self.anchors],
            own=None if self.own is None else self.own[self.anchors],
            method=method,
            **search,
        )


def _opened(
    queries: ArrayLike,
    corpus: ArrayLike,
    relevant: Relevant,
    *,
    grades: ArrayLike | None,
    own: ArrayLike | None,
    normalise: bool,
) -> _Pairs:
    """The checked arguments. Raises: InputError for vectors of different widths, and pairs with unknown rows."""
    asked = unit_vectors(queries, normalise=normalise, name="queries")
    documents = unit_vectors(corpus, normalise=normalise, name="corpus")
    if asked.shape[1] != documents.shape[1]:
        raise InputError(
            f"queries are of width {asked.shape[1]}, the corpus is of width {documents.shape[1]}: embed both with one "
            "model"
        )
    itself = None if own is None else _own_rows(own, len(asked), len(documents))
    query, document, given = pairs_of(relevant)
    if given is not None and grades is not None:
        raise InputError("grades are given twice, in relevant and beside it: leave one of them out")
    known = relevance_of(
        query,
        document,
        given if grades is None else np.asarray(grades),
        queries=len(asked),
        corpus=len(documents),
        own=itself,
    )
    return _Pairs(asked, documents, itself, known, np.flatnonzero(known.relevant.counts()))


@dataclass(frozen=True, slots=True)
class KeptApart:
    """never_negatives: for each query the documents that are never its negatives; None for none.

    query_groups int64 (Q,), corpus_groups int64 (C,): −1 for no group; None if no guard uses groups.
    """

    never_negatives: PairLists | None = None
    query_groups: NDArray[np.int64] | None = None
    corpus_groups: NDArray[np.int64] | None = None


def _kept_apart(
    never_negatives: ArrayLike | None,
    groups: tuple[Iterable[object], Iterable[object]] | None,
    rule: MiningRule,
    queries: int,
    corpus: int,
) -> KeptApart:
    never = None if never_negatives is None else pair_lists(never_negatives, queries, others=corpus)
    if groups is None:
        return KeptApart(never)
    check_groups_asked_for(rule)
    of_queries, of_documents = group_codes(*groups)
    return KeptApart(never, of_queries, of_documents)


def mine_relevant(
    table: NeighbourTable,
    relevance: Relevance,
    rule: MiningRule,
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    *,
    anchors: NDArray[np.int64],
    kept_apart: KeptApart,
    threads: int | None = None,
) -> Mined:
    """Mine queries with the miner for classes: each document is a class, and a query has the classes of its relevant
    documents.

    table: a line for each of the queries `anchors`, int64 (A,).
    """
    return mine_table(
        table,
        relevance.labels(),
        rule,
        anchors=anchors,
        vectors=queries,
        never_negatives=kept_apart.never_negatives,
        groups=kept_apart.query_groups,
        corpus=Corpus(relevance.corpus_labels(), corpus, groups=kept_apart.corpus_groups),
        threads=threads,
    )


def _of_anchors(
    table: NeighbourTable, anchors: NDArray[np.int64], own: NDArray[np.int64] | None
) -> NeighbourTable:
    """The lines of `anchors` in a table of all queries. Raises: InputError if the table holds the queries
    themselves."""
    queries = len(table)
    if own is not None and (table.ids == own[:, None])[own != NO_ROW].any():
        raise InputError(
            "the neighbour table holds the queries themselves: find it with neighbours(corpus, queries=…, own=…), too"
        )
    if len(anchors) == queries:
        return table
    return NeighbourTable(table.ids[anchors], table.sq_distances[anchors])


def _check_given(table: NeighbourTable, queries: int, method: str) -> None:
    refuse_method(method)
    if len(table) != queries:
        raise InputError(
            f"the neighbour table has {len(table)} rows, there are {queries} queries: give the table of these, as "
            "neighbours(corpus, queries=…) finds it"
        )


def _own_rows(own: ArrayLike, queries: int, corpus: int) -> NDArray[np.int64]:
    rows = np.asarray(own)
    if rows.shape != (queries,) or rows.dtype.kind not in "iu":
        raise InputError(
            f"own is {rows.dtype} of shape {rows.shape} for {queries} queries: give an integer for each, the row of "
            f"the corpus that is the query itself, or {NO_ROW}"
        )
    rows = rows.astype(np.int64)
    if len(rows) and (rows.min() < NO_ROW or rows.max() >= corpus):
        raise InputError(
            f"own names rows from {rows.min()} to {rows.max()}, the corpus has {corpus}: give its rows, or {NO_ROW}"
        )
    return rows
