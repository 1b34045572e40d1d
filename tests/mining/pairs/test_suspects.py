"""Documents that look relevant but are not labelled so."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable
from tripletmine.mining.pairs.relevance import relevance_of
from tripletmine.mining.pairs.suspects import unlabelled_positives

TABLE = NeighbourTable(
    np.array([[3, 0, 1, 2], [2, 3, 1, 0], [1, 3, NO_ROW, NO_ROW], [0, 1, 2, 3]]),
    np.array(
        [[0.1, 0.2, 0.4, 0.9], [0.1, 0.3, 0.4, 0.8], [0.2, 0.5, np.inf, np.inf], [0.0, 0.1, 0.2, 0.3]], "f4"
    ),
)
"""Of four queries among four documents."""


def test_a_worked_example():
    """The score is 1 − d² / d² of the positive.

    Query 0: document 3 lies at a quarter of its positive's d²; document 0 was judged. Query 1: its positive is the last
    neighbour. Query 2: its positive is not listed, and document 1 lies at 0.4 of the last neighbour's d². Query 3 has
    no positive.
    """
    known = relevance_of(
        np.array([0, 0, 1, 2]), np.array([1, 0, 0, 2]), np.array([1, 0, 1, 1]), queries=4, corpus=4
    )
    found = unlabelled_positives(TABLE, known)
    assert list(zip(found["query"], found["document"], found["rank"], strict=True)) == [
        (1, 2, 0), (0, 3, 0), (1, 3, 1), (2, 1, 0), (1, 1, 2),
    ]  # fmt: skip
    np.testing.assert_allclose(found["score"], [0.875, 0.75, 0.625, 0.6, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found["sq_positive"], [0.8, 0.4, 0.8, 0.5, 0.8])
    some = unlabelled_positives(
        NeighbourTable(TABLE.ids[1:3], TABLE.sq_distances[1:3]), known, queries=np.array([1, 2]), nearest=1
    )
    assert list(zip(some["query"], some["document"], strict=True)) == [(1, 2), (2, 1)]


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_equals_a_plain_loop(seed, minimum_score):
    rng = np.random.default_rng(seed)
    sq = np.sort(rng.integers(0, 9, (5, 6)).astype(np.float32), axis=1)
    ids = np.argsort(rng.random((5, 8)), axis=1)[:, :6].astype(np.int64)
    pairs = rng.integers(0, (5, 8), (7, 2))
    known = relevance_of(*pairs.T, queries=5, corpus=8)
    found = unlabelled_positives(NeighbourTable(ids, sq), known, nearest=4, minimum_score=minimum_score)
    expected = set()
    for q in range(5):
        positives = set(known.relevant.of(q).tolist())
        reference = next((s for d, s in zip(ids[q], sq[q], strict=True) if d in positives), sq[q, -1])
        for d, s in list(zip(ids[q].tolist(), sq[q], strict=True))[:4]:
            if positives and d not in positives and s < reference and 1 - s / reference >= minimum_score:
                expected.add((q, d))
    assert {*zip(found["query"].tolist(), found["document"].tolist(), strict=True)} == expected
    assert (np.diff(found["score"]) <= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queries": np.arange(2)}, "4 lines for 2 queries"),
        ({"nearest": 0}, "nearest is 0"),
        ({"minimum_score": 0.0}, "minimum_score is 0.0"),
        ({"relevance": (4, 3)}, "ids from -1 to 3 for a corpus of 3"),
    ],
)
def test_bad_input(arguments, message):
    queries, corpus = arguments.pop("relevance", (4, 4))
    known = relevance_of(np.array([0]), np.array([1]), queries=queries, corpus=corpus)
    with pytest.raises(InputError, match=re.escape(message)):
        unlabelled_positives(TABLE, known, **arguments)
