"""Queries mined against a corpus, by the same miner as classes."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import exact_neighbours, mine_by_loops
from tripletmine.mining.audit.check import check_triplets
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.mining.guards import REFUSALS, Guards
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import PAIR_COLUMNS, mine
from tripletmine.mining.miner_input import Corpus
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable
from tripletmine.mining.pairs.relevance import relevance_of
from tripletmine.mining.rule import MiningRule
from tripletmine.mining.vectors import normalise

rules = st.builds(
    MiningRule,
    k_hardness=st.sampled_from([0.0, 0.7, 1.0, 1.5]),
    margin=st.sampled_from([2.5, 5.0]),
    triplets_per_anchor=st.sampled_from([1, 3, 1000]),
    negatives_per_positive=st.sampled_from([1, 2, 5]),
    positives=st.sampled_from(["neighbours", "class"]),
    nearer_positive=st.booleans(),
    guards=st.builds(
        Guards,
        duplicate_sq=st.sampled_from([None, 0.0, 1.0]),
        rank_window=st.sampled_from([None, (1, 4)]),
        positive_percentile=st.sampled_from([None, 0.0, 100.0]),
        minimum_margin_sq=st.sampled_from([None, 1.0]),
        relative_margin=st.sampled_from([None, 0.05]),
    ),
)


def nearest(queries, corpus, neighbours):
    """The exact table of queries in a corpus: that of both as one set, without the queries among the neighbours."""
    whole = exact_neighbours(np.concatenate([queries, corpus]), len(queries) + len(corpus))
    ids = np.full((len(queries), neighbours), NO_ROW, np.int64)
    sq = np.full((len(queries), neighbours), np.inf, np.float32)
    for row in range(len(queries)):
        kept = np.flatnonzero(whole.ids[row] >= len(queries))[:neighbours]
        ids[row, : len(kept)] = whole.ids[row, kept] - len(queries)
        sq[row, : len(kept)] = whole.sq_distances[row, kept]
    return NeighbourTable(ids, sq)


@given(
    rule=rules,
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(1, 12),
    documents=st.integers(1, 25),
    neighbours=st.integers(0, 27),
    left_out=st.sets(st.integers(0, 24), max_size=3),
    asked=st.sets(st.integers(0, 11), min_size=1),
    never=st.sets(st.tuples(st.integers(0, 11), st.integers(0, 24)), max_size=15),
)
@settings(max_examples=150, deadline=None)
def test_equals_the_triple_loop(rule, seed, queries, documents, neighbours, left_out, asked, never):
    # Integer coordinates: many equal distances, queries among the documents, and exact float32 sums in any order.
    rng = np.random.default_rng(seed)
    asking, corpus = (rng.integers(0, 3, (rows, 3)).astype(np.float32) for rows in (queries, documents))
    pairs = rng.integers(0, (queries, documents), (1 + rng.integers(0, 3 * queries), 2))
    known = relevance_of(*pairs.T, queries=queries, corpus=documents)
    anchors = np.array(sorted(asked & set(range(queries))) or [0])
    table = nearest(asking, corpus, neighbours)
    table = NeighbourTable(table.ids[anchors], table.sq_distances[anchors])
    left_out = {row for row in left_out if row < documents}
    never = {(q, d) for q, d in never if q < queries and d < documents}
    mined = mine(
        table,
        known.labels(),
        rule,
        anchors=anchors,
        vectors=asking,
        never_negatives=pair_lists(np.reshape(sorted(never), (-1, 2)).astype(int), queries, others=documents),
        corpus=Corpus(known.corpus_labels(), corpus, np.isin(np.arange(documents), list(left_out))),
    )
    # The oracle takes one set: the queries, then the documents.
    sets = [set(known.relevant.of(row).tolist()) for row in range(queries)]
    expected = mine_by_loops(
        NeighbourTable(np.where(table.ids < 0, NO_ROW, table.ids + queries), table.sq_distances),
        sets + [{row} for row in range(documents)],
        rule,
        anchors=anchors.tolist(),
        vectors=np.concatenate([asking, corpus]),
        excluded={row + queries for row in left_out},
        never={(q, d + queries) for q, d in never},
        corpus=range(queries, queries + documents),
    )
    names = ("anchor", "positive", "negative", "positive_rank", "negative_rank")
    found = zip(*(mined.columns[name].tolist() for name in names), strict=True)
    assert list(found) == [(a, p - queries, n - queries, i, j) for a, p, n, i, j in expected.triplets]
    report = mined.report.as_dict()
    assert report["refused"] == {name: expected.counts[name] for name in REFUSALS}
    counted = [name for name in expected.counts if name in report]
    assert {name: report[name] for name in counted} == {name: expected.counts[name] for name in counted}
    assert {name: column.dtype for name, column in mined.columns.items()} == PAIR_COLUMNS
    assert len(mined.confusion) == 0
    assert report["triplets_by_class"] == {"class": [], "triplets": []}


def test_one_set_as_its_own_corpus_gives_what_one_set_gives():
    rng = np.random.default_rng(3)
    vectors = rng.integers(0, 4, (60, 3)).astype(np.float32)
    labels = encode_labels(rng.integers(0, 5, 60))
    table, rule = exact_neighbours(vectors, 40), MiningRule(0.8, margin=3.0)
    mined = mine(table, labels, rule)
    twice = mine(table, labels, rule, corpus=Corpus(labels))
    assert len(mined) > 50
    for name, column in twice.columns.items():
        np.testing.assert_array_equal(column, mined.columns[name], err_msg=name)
    assert twice.report.counts() == mined.report.counts()


def test_without_vectors_of_the_corpus_a_possible_copy_is_refused():
    """Two documents at nearly the same distance from the query: the table cannot rule out that they are copies."""
    table = NeighbourTable(np.array([[0, 1]]), np.array([[0.5, 0.6]], np.float32))
    known = relevance_of(np.array([0]), np.array([0]), queries=1, corpus=2)
    rule = MiningRule(guards=Guards(duplicate_sq=0.01))
    mined = mine(table, known.labels(), rule, corpus=Corpus(known.corpus_labels()))
    assert mined.report.refused["duplicate"] == 1
    apart = np.array([[0.0, 0.0], [5.0, 0.0]], np.float32)
    mined = mine(
        table,
        known.labels(),
        rule,
        vectors=np.zeros((1, 2), np.float32),
        corpus=Corpus(known.corpus_labels(), apart),
    )
    assert len(mined) == 1


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (Corpus, "give the vectors of the whole set"),
        (lambda labels: Corpus(labels, np.zeros((3, 2), np.float32)), "there are 2 labels"),
        (
            lambda labels: Corpus(labels, np.zeros((2, 2), np.float32), np.zeros(3, bool)),
            "a bool for each of 2 rows",
        ),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused(corpus, message):
    known = relevance_of(np.array([0]), np.array([0]), queries=1, corpus=2)
    table = NeighbourTable(np.array([[0, 1]]), np.array([[0.5, 0.6]], np.float32))
    with pytest.raises(InputError, match=re.escape(message)):
        mine(
            table,
            known.labels(),
            MiningRule(positives="class"),
            vectors=np.zeros((1, 2), np.float32),
            corpus=corpus(known.corpus_labels()),
        )


@pytest.fixture(scope="module")
def searched():
    """Queries, corpus, relevance and table of 40 unit vectors against 90; query 39 has no relevant document."""
    rng = np.random.default_rng(8)
    asking, corpus = (normalise(rng.normal(size=(rows, 6))) for rows in (40, 90))
    query = np.repeat(np.arange(39), 2)
    document = np.argsort(((asking[:39, None] - corpus) ** 2).sum(axis=2), axis=1)[:, [1, 6]].ravel()
    known = relevance_of(query, document, queries=40, corpus=90)
    return asking, corpus, known, nearest(asking, corpus, 30)


def audited(columns, searched, rule):
    """The audit's report on triplets of queries and documents."""
    asking, corpus, known, _ = searched
    return check_triplets(columns, known.labels(), asking, rule, corpus=Corpus(known.corpus_labels(), corpus))


def mined_of(searched, rule):
    """Triplets mined from `searched`."""
    asking, corpus, known, table = searched
    return mine(table, known.labels(), rule, vectors=asking, corpus=Corpus(known.corpus_labels(), corpus))


def test_the_audit_confirms_what_was_mined(searched):
    rule = MiningRule(0.9, margin=0.4, positives="class", negatives_per_positive=3)
    mined = mined_of(searched, rule)
    report = audited(mined.columns, searched, rule)
    assert report.ok, report.as_dict()
    assert report.triplets == len(mined) > 100
    assert report.coverage == report.anchors / 39


@pytest.mark.parametrize(
    ("name", "change", "kinds"),
    [
        ("anchor", lambda c, _: np.where(np.arange(len(c)) == 0, 40, c), {"row_out_of_range"}),
        ("negative", lambda c, _: np.where(np.arange(len(c)) == 0, 90, c), {"row_out_of_range"}),
        ("negative", lambda _, columns: columns["positive"], {"rows_not_distinct", "negative_label"}),
        ("positive", lambda _, columns: columns["negative"], {"rows_not_distinct", "positive_label"}),
        ("sq_negative", lambda c, _: c * np.float32(1.001), {"distance"}),
        ("positive_rank", lambda c, _: np.full_like(c, -2), {"rank"}),
    ],
)
def test_the_audit_finds_damage(searched, name, change, kinds):
    rule = MiningRule(0.9, margin=0.4, positives="class")
    columns = dict(mined_of(searched, rule).columns)
    columns[name] = change(columns[name], columns)
    found = set(audited(columns, searched, rule).violations)
    assert kinds <= found
    assert found - kinds <= {"distance", "negative_reused", "rank", "active", "order", "nearer_positive"}


def test_the_audit_wants_a_nearer_positive(searched):
    mined = mined_of(searched, MiningRule(0.0, margin=3.0, positives="class", nearer_positive=False))
    strict = MiningRule(0.0, margin=3.0, positives="class")
    found = audited(mined.columns, searched, strict).violations
    assert set(found) == {"nearer_positive"}
    asking, corpus, known, _ = searched
    sq = ((asking[:, None] - corpus) ** 2).sum(axis=2)
    nearest_positive = [min((sq[q, d] for d in known.relevant.of(q)), default=9.0) for q in range(40)]
    below = mined.columns["sq_negative"] <= np.array(nearest_positive)[mined.columns["anchor"]] * (1 + 1e-6)
    assert found["nearer_positive"].count == below.sum() > 0


def test_the_audit_refuses_a_corpus_of_other_rows(searched):
    asking, _, known, _ = searched
    rule = MiningRule(0.9)
    with pytest.raises(
        InputError, match=re.escape("embeddings of the corpus have shape (3, 6), but it has 90 rows")
    ):
        check_triplets(
            mined_of(searched, rule).columns,
            known.labels(),
            asking,
            rule,
            corpus=Corpus(known.corpus_labels(), asking[:3]),
        )
