"""Pairs of queries and documents as relevance, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.pairs.relevance import pairs_of, relevance_of

VERDICTS = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 7)), st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1
)


@given(VERDICTS, st.randoms(use_true_random=False))
def test_a_pair_is_relevant_where_its_grade_is_above_0(verdicts, random):
    pairs = [*verdicts, *random.choices(list(verdicts), k=2)]
    random.shuffle(pairs)
    grades = np.array([verdicts[pair] for pair in pairs])
    query, document = np.array(pairs).T
    if not (grades > 0).any():
        with pytest.raises(InputError, match="is relevant"):
            relevance_of(query, document, grades, queries=6, corpus=8)
        return
    found = relevance_of(query, document, grades, queries=6, corpus=8)
    for row in range(6):
        graded = {d: g for (q, d), g in verdicts.items() if q == row}
        assert found.relevant.of(row).tolist() == sorted(d for d, g in graded.items() if g > 0)
        assert found.irrelevant.of(row).tolist() == sorted(d for d, g in graded.items() if g <= 0)
    assert found.repeated == 2
    assert (found.queries, found.corpus) == (6, 8)
    assert found.without == 6 - len({q for (q, _), g in verdicts.items() if g > 0})


def test_a_query_is_not_relevant_to_itself():
    own = np.array([3, -1])
    found = relevance_of(np.array([0, 0, 1]), np.array([3, 1, 3]), queries=2, corpus=4, own=own)
    assert (found.own, found.relevant.of(0).tolist(), found.relevant.of(1).tolist()) == (1, [1], [3])


def test_labels_are_the_documents():
    found = relevance_of(np.array([0, 2, 2]), np.array([1, 3, 0]), queries=3, corpus=4)
    labels = found.labels()
    assert [labels.of(row) for row in range(3)] == [(1,), (), (0, 3)]
    assert found.corpus_labels().of(2) == (2,)


@pytest.mark.parametrize(
    ("relevant", "expected"),
    [
        ([(0, 5), (2, 1)], ([0, 2], [5, 1], None)),
        (np.array([[0, 5]], np.uint32), ([0], [5], None)),
        ({0: [5, 1], 3: []}, ([0, 0], [5, 1], None)),
        ({4: {5: 1.0, 6: 0}}, ([4, 4], [5, 6], [1.0, 0.0])),
    ],
)
def test_pairs_come_in_several_forms(relevant, expected):
    query, document, grades = pairs_of(relevant)
    assert (query.tolist(), document.tolist()) == expected[:2]
    assert (None if grades is None else grades.tolist()) == expected[2]


@pytest.mark.parametrize(
    ("relevant", "message"),
    [
        ([[0, 1, 2]], "shape (1, 3)"),
        ([[0], [1, 2]], "a mapping {query: [document, …]}"),
        (np.zeros((2, 2)), "float64"),
        ("ab", "relevant is str"),
        ({0: [1], 1: {2: 1.0}}, "grades for some queries only"),
        ({0: 1}, "a mapping that cannot be read"),
    ],
)
def test_what_is_no_pair_is_refused(relevant, message):
    with pytest.raises(InputError, match=re.escape(message)):
        pairs_of(relevant)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 6], [0, 1]), "1 of 2 pairs name a query that does not exist, the first is 6 in pair 1"),
        (([0, 1], [8, -1]), "2 of 2 pairs name a document that does not exist, the first is 8 in pair 0"),
        (([0.5], [0]), "float64"),
        (([0, 1], [0]), "2 queries and 1 documents"),
        (([0, 1], [0, 0], [1.0]), "shape (1,)"),
        (([0, 1], [0, 0], [1.0, np.nan]), "1 of 2 grades are NaN, the first is of pair 1"),
        (([0, 0], [3, 3], [1, 0]), "1 pairs are given as relevant and as not relevant"),
        (([0, 1], [0, 0], [0, 0]), "none of the 2 pairs is relevant"),
    ],
)
def test_pairs_that_fit_nothing_are_refused(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        relevance_of(*(np.array(each) for each in arguments), queries=6, corpus=8)
