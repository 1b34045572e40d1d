"""Queries, a corpus and pairs in, triplets out."""

import re

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.mining.errors import InputError
from tripletmine.mining.miner import PAIR_COLUMNS
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.standalone.pair_set import PairSet

QUERIES, DOCUMENTS = 120, 400


@pytest.fixture(scope="module")
def corpus() -> np.ndarray:
    """float64 (400, 8), of any length."""
    return np.random.default_rng(1).standard_normal((DOCUMENTS, 8))


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    """(P, 2): two documents for each query but the last, which has none."""
    documents = np.random.default_rng(2).choice(DOCUMENTS, 2 * (QUERIES - 1), replace=False)
    return np.stack([np.repeat(np.arange(QUERIES - 1), 2), documents], axis=1)


@pytest.fixture(scope="module")
def queries(corpus, pairs) -> np.ndarray:
    """Each between its documents, float64 (120, 8)."""
    between = np.zeros((QUERIES, 8))
    np.add.at(between, pairs[:, 0], corpus[pairs[:, 1]])
    return between + 0.3 * np.random.default_rng(3).standard_normal(between.shape)


@pytest.fixture(scope="module")
def mined(queries, corpus, pairs) -> PairSet:
    """Mined with three negatives for each positive, otherwise with defaults."""
    return tm.mine_pairs(queries, corpus, pairs, tm.MiningRule(negatives_per_positive=3), normalise=True)


def unit(vectors):
    """Rows of length 1, float64."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_triplets_meet_the_rule_and_the_pairs(queries, corpus, pairs, mined: PairSet) -> None:
    columns = mined.columns
    assert {name: column.dtype for name, column in columns.items()} == PAIR_COLUMNS
    assert len(mined) > 100
    relevant = {(int(q), int(d)) for q, d in pairs}
    sq = ((unit(queries)[:, None] - unit(corpus)[None]) ** 2).sum(axis=2)
    for a, p, n in zip(columns["anchor"], columns["positive"], columns["negative"], strict=True):
        assert (a, p) in relevant
        assert (a, n) not in relevant
        assert sq[a, p] < sq[a, n] < sq[a, p] + 0.2
    np.testing.assert_allclose(columns["sq_negative"], sq[columns["anchor"], columns["negative"]], atol=1e-5)
    np.testing.assert_allclose(columns["sq_positive"], sq[columns["anchor"], columns["positive"]], atol=1e-5)
    _, times = np.unique(columns["anchor"] * DOCUMENTS + columns["positive"], return_counts=True)
    assert times.max() == 3


def test_what_was_counted(mined: PairSet) -> None:
    assert mined.relevance.without == 1
    assert mined.report.anchors == QUERIES - 1
    assert mined.graph is not None
    assert mined.graph.recall == 1.0
    assert mined.rule.positives == "class"
    assert repr(mined) == (
        f"PairSet({len(mined)} triplets of {mined.report.anchors_with_triplet} of 120 queries against 400 documents, "
        "k_hardness = 1, margin = 0.2)"
    )


def test_positives_beyond_the_neighbours_have_their_true_distance(queries, corpus, pairs) -> None:
    rule = tm.MiningRule(0.0, margin=4.0, nearer_positive=False)
    mined = tm.mine_pairs(queries, corpus, pairs, rule, neighbours=3, normalise=True)
    outside = mined.columns["positive_rank"] < 0
    assert outside.any()
    assert mined.report.positives == len(pairs)


def test_every_form_of_pairs_gives_the_same(queries, corpus, pairs, mined: PairSet) -> None:
    rule = tm.MiningRule(negatives_per_positive=3)
    unjudged = np.setdiff1d(np.arange(DOCUMENTS), pairs[:, 1])[:5]
    lists = {int(q): pairs[pairs[:, 0] == q, 1].tolist() for q in np.unique(pairs[:, 0])}
    graded = {q: dict.fromkeys(documents, 2.0) for q, documents in lists.items()}
    graded[0] |= dict.fromkeys(unjudged.tolist(), 0.0)
    known = np.concatenate([pairs, np.stack([np.zeros(5, int), unjudged], axis=1)])
    grades = np.concatenate([np.ones(len(pairs)), np.zeros(5)])
    for relevant, given in ((lists, None), (graded, None), (known, grades)):
        found = tm.mine_pairs(queries, corpus, relevant, rule, grades=given, normalise=True)
        for name, column in mined.columns.items():
            np.testing.assert_array_equal(found.columns[name], column, err_msg=name)
    assert found.relevance.irrelevant.of(0).tolist() == sorted(unjudged.tolist())


def test_a_table_serves_another_rule(queries, corpus, pairs) -> None:
    table = tm.neighbours(corpus, queries=queries, normalise=True)
    assert table.ids.shape == (QUERIES, 150)
    rule = tm.MiningRule(0.8, margin=0.5)
    found = tm.mine_pairs(queries, corpus, pairs, rule, neighbours=table, normalise=True)
    expected = tm.mine_pairs(queries, corpus, pairs, rule, normalise=True)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column, err_msg=name)
    assert found.graph is table.report


def test_a_document_that_is_the_query_takes_no_part(corpus) -> None:
    """The queries are the corpus, by another encoder; document i + 1 is relevant to i, and i is listed as relevant to
    itself."""
    rows = np.arange(DOCUMENTS)
    asking = corpus + 0.05 * np.random.default_rng(4).standard_normal(corpus.shape)
    pairs = np.concatenate([np.stack([rows[:-1], rows[1:]], axis=1), np.stack([rows, rows], axis=1)])
    rule = tm.MiningRule(0.0, margin=4.0, nearer_positive=False)
    found = tm.mine_pairs(asking, corpus, pairs, rule, own=rows, normalise=True)
    assert found.relevance.own == DOCUMENTS
    assert (found.columns["anchor"] != found.columns["negative"]).all()
    assert (found.columns["anchor"] + 1 == found.columns["positive"]).all()
    without = tm.mine_pairs(asking, corpus, pairs[: DOCUMENTS - 1], rule, normalise=True)
    assert (without.columns["anchor"] == without.columns["negative"]).any()
    table = tm.neighbours(corpus, queries=asking, normalise=True)
    with pytest.raises(InputError, match="holds the queries themselves"):
        tm.mine_pairs(asking, corpus, pairs, rule, own=rows, neighbours=table, normalise=True)
    mended = tm.neighbours(corpus, queries=asking, own=rows, normalise=True)
    again = tm.mine_pairs(asking, corpus, pairs, rule, own=rows, neighbours=mended, normalise=True)
    np.testing.assert_array_equal(again.columns["negative"], found.columns["negative"])


def test_a_set_is_audited_with_the_vectors_that_it_was_mined_from(queries, corpus, mined: PairSet) -> None:
    found = tm.audit_pairs(mined, queries, corpus, normalise=True)
    assert found.ok
    assert found.checked == len(mined)
    assert 0 < tm.audit_pairs(mined, queries, corpus, normalise=True, sample=9, seed=1).checked < len(mined)
    assert "distance" in tm.audit_pairs(mined, queries[::-1], corpus, normalise=True).violations
    never = np.stack([mined.columns["anchor"], mined.columns["negative"]], axis=1)[:4]
    found = tm.audit_pairs(mined, queries, corpus, normalise=True, never_negatives=never)
    assert found.violations["never_negative"].count == 4
    for some, message in (
        ((queries[1:], corpus), "queries has 119 vectors"),
        ((queries, corpus[1:]), "corpus has 399"),
    ):
        with pytest.raises(InputError, match=message):
            tm.audit_pairs(mined, *some, normalise=True)


def test_documents_that_are_not_said_to_be_relevant_are_found(queries, corpus, pairs) -> None:
    hidden = pairs[::4]  # one of the two of every other query
    known = np.delete(pairs, np.arange(0, len(pairs), 4), axis=0)
    copied = queries.copy()
    copied[hidden[:, 0]] = corpus[hidden[:, 1]] + 0.01
    found = tm.unlabelled_positives(copied, corpus, known, minimum_score=0.8, normalise=True)
    pair = np.stack([found["query"], found["document"]], axis=1)
    assert {tuple(each) for each in hidden} <= {tuple(each) for each in pair}
    assert (np.diff(found["score"]) <= 0).all()
    table = tm.neighbours(corpus, 40, queries=copied, normalise=True)
    again = tm.unlabelled_positives(
        copied, corpus, known, neighbours=table, minimum_score=0.8, normalise=True
    )
    np.testing.assert_array_equal(again["document"], found["document"])
    rule = tm.MiningRule(0.0, margin=4.0, nearer_positive=False)
    mined = tm.mine_pairs(copied, corpus, known, rule, never_negatives=pair, normalise=True)
    assert mined.report.refused["never_negative"] > 0


def test_a_teacher_has_a_second_look(queries, corpus, pairs, mined: PairSet) -> None:
    rule = tm.MiningRule(negatives_per_positive=3)
    even = lambda asked, documents: np.where(documents % 2, 0.5, 1.0)  # noqa: E731
    found = tm.mine_pairs(queries, corpus, pairs, rule, normalise=True, rescore=even)
    stays = ~((mined.columns["negative"] % 2 == 0) | (mined.columns["positive"] % 2 == 1))
    np.testing.assert_array_equal(found.columns["negative"], mined.columns["negative"][stays])
    assert found.report.refused["teacher"] == (~stays).sum()
    loose = tm.TeacherBound(relative_margin=0.0)
    assert len(
        tm.mine_pairs(queries, corpus, pairs, rule, normalise=True, rescore=even, teacher=loose)
    ) >= len(found)
    with pytest.raises(
        DataError, match=r"rescore gave shape \(1,\) for \d+ pairs: return a finite number for each"
    ):
        tm.mine_pairs(queries, corpus, pairs, rule, normalise=True, rescore=lambda asked, documents: [1.0])


def test_tables_for_people(mined: PairSet) -> None:
    frame = mined.to_pandas()
    assert list(frame.columns) == list(PAIR_COLUMNS)
    np.testing.assert_array_equal(frame.negative, mined.columns["negative"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": np.eye(9)}, "queries are of width 9, the corpus is of width 8"),
        ({"queries": np.full((QUERIES, 8), np.nan)}, "queries: rows 0, 1, 2, 3, 4, … hold NaN"),
        ({"normalise": False}, "queries has vectors of length"),
        ({"own": [0, 1]}, "own is int64 of shape (2,) for 120 queries"),
        ({"own": np.full(QUERIES, DOCUMENTS)}, "own names rows from 400 to 400, the corpus has 400"),
        ({"grades": [1.0]}, "grades are float64 of shape (1,)"),
        ({"relevant": {0: {0: 1.0}}, "grades": [1.0]}, "grades are given twice"),
        ({"neighbours": "table", "method": "exact"}, "neighbours is a table already"),
        ({"neighbours": "short"}, "the neighbour table has 5 rows, there are 120 queries"),
    ],
)
def test_bad_input(queries, corpus, pairs, change, message) -> None:
    tables = {"table": QUERIES, "short": 5}
    arguments = {"queries": queries, "corpus": corpus, "relevant": pairs, "normalise": True} | change
    if arguments.get("neighbours") in tables:
        some = queries[: tables[arguments["neighbours"]]]
        arguments["neighbours"] = tm.neighbours(corpus, 5, queries=some, normalise=True)
    with pytest.raises(InputError, match=re.escape(message)):
        tm.mine_pairs(**arguments)


def test_documents_that_are_never_a_querys_negative(queries, corpus, pairs, mined: PairSet) -> None:
    rule = tm.MiningRule(negatives_per_positive=3)
    barred = np.stack([mined.columns["anchor"], mined.columns["negative"]], axis=1)[::7]
    rest = tm.mine_pairs(queries, corpus, pairs, rule, normalise=True, never_negatives=barred)
    found = set(zip(rest.columns["anchor"].tolist(), rest.columns["negative"].tolist(), strict=True))
    assert found.isdisjoint(map(tuple, barred.tolist()))
    assert rest.report.refused["never_negative"] == len(barred)


@pytest.mark.parametrize("same_group", ["never-negative", "never-pair"])
def test_groups_of_both_sides(queries, corpus, pairs, same_group) -> None:
    of_query = [None if q % 5 == 0 else f"page {q % 4}" for q in range(QUERIES)]
    of_document = [f"page {d % 6}" for d in range(DOCUMENTS)]
    rule = tm.MiningRule(guards=tm.Guards(same_group=same_group), margin=0.5, negatives_per_positive=3)
    found = tm.mine_pairs(queries, corpus, pairs, rule, normalise=True, groups=(of_query, of_document))
    apart = ("negative",) if same_group == "never-negative" else ("positive", "negative")
    assert len(found) > 100
    for role in apart:
        rows = zip(found.columns["anchor"], found.columns[role], strict=True)
        assert not any(of_query[q] == of_document[d] for q, d in rows)
    fellows = sum(of_query[q] == of_document[d] for q, d in pairs)
    assert found.report.positives_of_group == (fellows if same_group == "never-pair" else 0)
    assert found.report.refused["same_group"] > 0
    with pytest.raises(InputError, match="groups are given, but no guard asks for them"):
        tm.mine_pairs(queries, corpus, pairs, normalise=True, groups=(of_query, of_document))
