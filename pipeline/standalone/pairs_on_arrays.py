"""Mining queries against a corpus from Python: vectors and pairs in, triplets out. Nothing is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...mining.defaults import RECALL_TARGET
from ...mining.errors import InputError
from ...mining.guarding.groups import group_codes
from ...mining.guarding.never_negatives import PairLists, pair_lists
from ...mining.miner import Mined
from ...mining.miner import mine as mine_table
from ...mining.miner_input import Corpus
from ...mining.neighbours import NO_ROW, NeighbourTable
from ...mining.pairs.relevance import Relevance, pairs_of, relevance_of
from ...mining.rule import MiningRule
from .on_arrays import Neighbours, check_groups_asked_for, unit_vectors
from .on_arrays import neighbours as nearest
from .pair_set import PairSet

Relevant = ArrayLike | Mapping[int, Iterable[int]] | Mapping[int, Mapping[int, float]]
"""Pairs (P, 2) of a query's and a document's row, or the documents of each query, or their grades."""


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
) -> PairSet:
    """Mine the triplets (query, relevant document, other document) that still teach, against the whole corpus.

    queries, corpus: (Q, D) and (C, D) numbers of unit length, embedded by one model.
    relevant: integers (P, 2), in each pair the row of a query and of a document that is relevant to it, several pairs
        for a query if it has several; or a mapping of query rows to lists of document rows. grades: numbers (P,), one a
        pair: above 0 the document is relevant; at 0 or below it was judged not to be. A mapping has them as
        {query: {document: grade}}.
    rule: which triplets, by default ``MiningRule()``. All relevant documents are positives, with their true distance
        where they are not among the query's neighbours: ``rule.positives`` is "class" here, whatever it says. Queries
        with one relevant document get one triplet each; ``negatives_per_positive`` gives them more.
    own: integers (Q,), the row of the corpus that is the query itself and neither positive nor negative of it, −1 for
        none; for queries that are documents, too.
    never_negatives: integers (M, 2), pairs of a query and a document that is never its negative.
    groups: for each query and for each document an integer or a string, None for none; what rows of one group are to
        each other is ``rule.guards.same_group``.
    neighbours: K, by default 150 or what the corpus has; or a table, as ``neighbours(corpus, queries=…)`` gives it, for
        another rule without another search.
    normalise: scale the vectors to unit length first. method, recall_target, threads, seed, memory_mib: of the search.

    Raises: InputError for vectors that cannot be mined, of two widths, pairs that name no row, and no relevant pair.
    """
    asked = unit_vectors(queries, normalise=normalise, name="queries")
    documents = unit_vectors(corpus, normalise=normalise, name="corpus")
    if asked.shape[1] != documents.shape[1]:
        raise InputError(
            f"queries are of width {asked.shape[1]}, the corpus is of width {documents.shape[1]}: embed both with one "
            "model"
        )
    itself = None if own is None else _own_rows(own, len(asked), len(documents))
    if isinstance(neighbours, NeighbourTable):
        _check_given(neighbours, len(asked), method)
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
    rule = replace(MiningRule() if rule is None else rule, positives="class")
    kept_apart = _kept_apart(never_negatives, groups, rule, len(asked), len(documents))
    anchors = np.flatnonzero(known.relevant.counts())
    if isinstance(neighbours, NeighbourTable):
        table = _of_anchors(neighbours, anchors, itself)
    else:
        table = nearest(
            documents,
            neighbours,
            # Queries without a positive are not worth a search.
            queries=asked if len(anchors) == len(asked) else asked[anchors],
            own=None if itself is None else itself[anchors],
            method=method,
            recall_target=recall_target,
            threads=threads,
            seed=seed,
            memory_mib=memory_mib,
        )
    mined = mine_relevant(
        table, known, rule, asked, documents, anchors=anchors, kept_apart=kept_apart, threads=threads
    )
    found = neighbours if isinstance(neighbours, NeighbourTable) else table
    graph = found.report if isinstance(found, Neighbours) else None
    return PairSet(mined.columns, known, rule, mined.report, graph)


@dataclass(frozen=True, slots=True)
class KeptApart:
    """never_negatives: of each query the documents that are never its negatives; None for none.

    query_groups int64 (Q,), corpus_groups int64 (C,): −1 for none; None where no guard asks for them.
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
    """Mine queries with the miner of classes: a document is a class, and a query is of those relevant to it.

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
    """The lines of the queries that have a positive, of a table of all queries."""
    queries = len(table)
    if own is not None and (table.ids == own[:, None])[own != NO_ROW].any():
        raise InputError(
            "the neighbour table holds the queries themselves: find it with neighbours(corpus, queries=…, own=…), too"
        )
    if len(anchors) == queries:
        return table
    return NeighbourTable(table.ids[anchors], table.sq_distances[anchors])


def _check_given(table: NeighbourTable, queries: int, method: str) -> None:
    if method != "auto":
        raise InputError(f"method is {method!r}, but neighbours is a table already: leave one of them out")
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
