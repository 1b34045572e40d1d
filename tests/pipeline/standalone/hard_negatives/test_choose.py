"""Which candidates become negatives, against one decision after another in plain Python."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.neighbours import NO_ROW
from tripletmine.pipeline.standalone.hard_negatives.bounds import Bounds
from tripletmine.pipeline.standalone.hard_negatives.choose import Candidates, choose
from tripletmine.pipeline.standalone.hard_negatives.texts import Texts, texts_of

LEVELS = np.linspace(-0.5, 1, 7, dtype=np.float32)
"""Few levels, so that many scores are equal, and equal to a bound."""


def some_texts(random: np.random.Generator) -> Texts:
    pairs = [(f"q{random.integers(4)}", f"d{random.integers(9)}") for _ in range(8)]
    return texts_of(*zip(*pairs, strict=True), corpus=[f"d{row}" for row in range(12)])


def some_candidates(random: np.random.Generator, texts: Texts) -> Candidates:
    queries, documents = len(texts.queries), len(texts.corpus)
    ids = np.stack([random.permutation(documents) for _ in range(queries)]).astype(np.int64)
    scores = -np.sort(-random.choice(LEVELS, ids.shape), axis=1)
    pads = random.random(ids.shape) < 0.1
    ids[pads], scores[pads] = NO_ROW, -np.inf
    return Candidates(ids, scores, random.choice(LEVELS, len(texts.positives)))


def slowly(found: Candidates, texts: Texts, bounds: Bounds, range_max: int) -> tuple[list, Counter]:
    """The ranked candidates that are left in the window, and what each bound refused."""
    windows, refused = [], Counter()
    for query in range(len(texts.queries)):
        own = slice(texts.starts[query], texts.starts[query + 1])
        lowest = min(found.positive_scores[own])
        left = []
        for document, score in zip(found.ids[query], found.scores[query], strict=True):
            if document == NO_ROW or (document in texts.positives[own] and not bounds.include_positives):
                continue
            if bounds.absolute_margin is not None and score + np.float32(bounds.absolute_margin) > lowest:
                refused["absolute_margin"] += 1
            elif bounds.relative_margin is not None and score > lowest - abs(lowest) * np.float32(
                bounds.relative_margin
            ):
                refused["relative_margin"] += 1
            elif bounds.max_score is not None and score > bounds.max_score:
                refused["max_score"] += 1
            elif bounds.min_score is not None and score < bounds.min_score:
                refused["min_score"] += 1
            else:
                left.append((float(score), int(document)))
        windows.append(sorted(left, key=lambda entry: -entry[0])[bounds.range_min : range_max])
    return windows, refused


@given(
    st.builds(
        Bounds,
        num_negatives=st.integers(1, 4),
        range_min=st.integers(0, 3),
        max_score=st.sampled_from([None, 0.25, 0.75]),
        min_score=st.sampled_from([None, -0.25, 0.0]),
        absolute_margin=st.sampled_from([None, 0.0, 0.25, -0.25]),
        relative_margin=st.sampled_from([None, 0.0, 0.5]),
        sampling_strategy=st.sampled_from(["top", "random"]),
        include_positives=st.booleans(),
        seed=st.integers(0, 3),
    ),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_equals_one_decision_after_another(bounds, seed):
    random = np.random.default_rng(seed)
    texts = some_texts(random)
    found = some_candidates(random, texts)
    range_max = bounds.range_min + bounds.num_negatives + int(random.integers(0, 4))
    negatives = choose(found, texts, bounds, range_max)
    windows, refused = slowly(found, texts, bounds, range_max)
    assert {name: count for name, count in negatives.refused.items() if count} == refused
    assert negatives.found.tolist() == (~np.isneginf(negatives.scores)).tolist()
    for query, window in enumerate(windows):
        chosen = negatives.found[query]
        got = list(
            zip(negatives.scores[query][chosen].tolist(), negatives.ids[query][chosen].tolist(), strict=True)
        )
        assert len(got) == min(len(window), bounds.num_negatives)
        if bounds.sampling_strategy == "top":
            assert got == window[: bounds.num_negatives]
        else:
            assert got == [entry for entry in window if entry in got]


def test_random_choice_is_seeded_uniform_and_independent_for_each_query():
    queries, documents = 400, 10
    texts = texts_of([f"q{i}" for i in range(queries)], ["p"] * queries, [f"d{i}" for i in range(documents)])
    ids = np.tile(np.arange(documents), (queries, 1))
    scores = np.tile(np.linspace(0.9, 0, documents, dtype=np.float32), (queries, 1))
    found = Candidates(ids, scores, np.ones(queries, np.float32))
    bounds = Bounds(num_negatives=3, sampling_strategy="random", seed=5)
    drawn = choose(found, texts, bounds, documents).ids
    np.testing.assert_array_equal(drawn, choose(found, texts, bounds, documents).ids)
    other = choose(found, texts, Bounds(num_negatives=3, sampling_strategy="random", seed=6), documents).ids
    assert (drawn != other).any(axis=1).mean() > 0.9
    # Each is drawn 120 times on average, with a deviation of 9.
    assert np.abs(np.bincount(drawn.ravel(), minlength=documents) - 120).max() < 45
    few = texts_of(texts.queries[:7], ["p"] * 7, texts.corpus[:-1])
    some = Candidates(ids[:7], scores[:7], np.ones(7, np.float32))
    np.testing.assert_array_equal(choose(some, few, bounds, documents).ids, drawn[:7])


@pytest.mark.parametrize("score", [0.8, -0.5])
def test_a_margin_lowers_the_limit_whatever_the_sign(score):
    """A limit of s·(1 − m) would rise above a negative score s."""
    texts = texts_of(["q"], ["p"], ["a", "b"])
    above, below = score - abs(score) * 0.04, score - abs(score) * 0.06
    found = Candidates(
        np.array([[0, 1]]), np.array([[above, below]], np.float32), np.array([score], np.float32)
    )
    negatives = choose(found, texts, Bounds(num_negatives=1, relative_margin=0.05), 2)
    assert (negatives.ids.tolist(), negatives.refused) == ([[1]], {"relative_margin": 1})
