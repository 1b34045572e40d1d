"""Arguments and texts that cannot be used, and the ranks that follow from arguments."""

import re

import pytest
from tripletmine.mining.errors import InputError
from tripletmine.pipeline.standalone.hard_negatives.bounds import Bounds, column_of
from tripletmine.pipeline.standalone.hard_negatives.texts import texts_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_negatives": 0}, "num_negatives must be at least 1, got num_negatives=0"),
        ({"range_min": -1}, "range_min must be non-negative, got -1"),
        ({"max_score": float("nan")}, "max_score is NaN: give a number, or None for no bound"),
        ({"sampling_strategy": "hard"}, "sampling_strategy is 'hard': choose 'top' or 'random'"),
        ({"min_score": 0.5, "max_score": 0.4}, "no score lies between, lower min_score"),
        ({"seed": -1}, "seed is -1, it must be at least 0"),
    ],
)
def test_bounds_that_cannot_be_meant(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Bounds(**arguments)


@pytest.mark.parametrize(
    ("bounds", "cross_encoder", "expected"),
    [
        (Bounds(), False, 3 + 2),
        (Bounds(num_negatives=5, range_min=10), False, 10 + 5 + 2),
        (Bounds(max_score=0.9), False, 30 + 2),
        (Bounds(absolute_margin=0.0, range_min=4), False, 4 + 30 + 2),
        (Bounds(min_score=0.1), False, 3 + 2),
        (Bounds(min_score=0.1), True, 30 + 2),
        (Bounds(range_max=7), True, 7),
    ],
)
def test_ranks_that_are_looked_at(bounds, cross_encoder, expected):
    assert bounds.last_rank(2, cross_encoder=cross_encoder, gpu_faiss=False) == expected


@pytest.mark.parametrize(
    ("bounds", "gpu_faiss", "message"),
    [
        (
            Bounds(range_min=3, range_max=3),
            False,
            "range_min must be smaller than range_max, and they are 3 and 3",
        ),
        (Bounds(range_max=2), False, "Cannot mine 3 negatives per query: only 2 candidates remain"),
        (Bounds(range_min=2044), True, "range_max was capped to 2046 because FAISS on GPU"),
        (
            Bounds(range_min=2050),
            True,
            "range_min must be smaller than range_max, and they are 2050 and 2046: lower range_min",
        ),
    ],
)
def test_too_few_ranks(bounds, gpu_faiss, message):
    with pytest.raises(InputError, match=re.escape(message)):
        bounds.last_rank(2, cross_encoder=False, gpu_faiss=gpu_faiss)
    assert Bounds(range_min=2044).last_rank(2, cross_encoder=False, gpu_faiss=False) == 2049


def test_columns():
    columns = ["id", "question", "answer"]
    assert column_of(None, columns, "anchor_column_name", 0) == "id"
    assert column_of("answer", columns, "positive_column_name", 1) == "answer"
    with pytest.raises(
        InputError, match="is 'questoin', which the dataset does not have: did you mean 'question'"
    ):
        column_of("questoin", columns, "anchor_column_name", 0)
    with pytest.raises(InputError, match=r"the columns \['id'\], but pairs need two"):
        column_of(None, ["id"], "positive_column_name", 1)


def test_a_query_that_is_repeated_has_several_positives():
    texts = texts_of(["a", "b", "a", "a"], ["x", "y", "z", "x"], ["w", "a", "w", "y"])
    assert texts.queries == ["a", "b"]
    assert texts.corpus == ["w", "a", "y", "x", "z"]
    assert texts.starts.tolist() == [0, 2, 3]
    assert texts.positives.tolist() == [3, 4, 2]
    assert texts.query_of_pair().tolist() == [0, 0, 1]
    assert texts.own.tolist() == [1, -1]
    assert texts.most_positives == 3


def test_empty_and_very_long_texts_are_texts():
    texts = texts_of(["", "a" * 10**6], ["b", ""], None)
    assert texts.corpus == ["b", ""]
    assert texts.own.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("anchors", "positives", "corpus", "message"),
    [
        ([], [], None, "the dataset is empty: give at least one pair"),
        (["a", None], ["b", "c"], None, "query 1 is 'None' of type NoneType, not a text"),
        (["a"], [3], None, "positive 0 is '3' of type int, not a text"),
        (
            ["a"],
            ["b"],
            ["c", b"d"],
            "corpus 1 is \"b'd'\" of type bytes, not a text: drop its row, or turn it into a",
        ),
    ],
)
def test_what_is_no_text(anchors, positives, corpus, message):
    with pytest.raises(InputError, match=re.escape(message)):
        texts_of(anchors, positives, corpus)
