"""Splits as version 0.1 drew them, which its runs must keep."""

from collections import Counter
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.data.splits.assign import TEST, TRAIN, VALIDATION, assign_splits
from tripletmine.pipeline.errors import DataError

from .test_assign import classes_in, rows_of


def closed(rows: SourceRows, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> np.ndarray:
    return assign_splits(rows, split="closed", validation=validation, test=test, seed=seed, splitting="drawn")


def zero_shot(rows: SourceRows, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> np.ndarray:
    return assign_splits(
        rows, split="zero-shot", validation=validation, test=test, seed=seed, splitting="drawn"
    )


@pytest.mark.parametrize(
    ("draw", "digest"),
    [(closed, "800e9d6727e2aa9c"), (zero_shot, "73cfae6a546ef406")],
)
def test_digits_are_split_as_they_were(draw, digest: str):
    assert sha256(draw(Digits().rows, seed=7).tobytes()).hexdigest()[:16] == digest


@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=12).filter(lambda sizes: sum(sizes) >= 40),
    test=st.sampled_from([0.1, 0.2, 0.5]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_closed_takes_the_share_of_every_class(sizes: list[int], test: float, seed: int):
    labels = [f"class {number}" for number, size in enumerate(sizes) for _ in range(size)]
    codes = closed(rows_of(labels), test=test, seed=seed)
    taken = Counter(label for label, code in zip(labels, codes, strict=True) if code == TEST)
    left = Counter(label for label, code in zip(labels, codes, strict=True) if code == TRAIN)
    for label, size in Counter(labels).items():
        if size == 1:
            assert taken[label] == 0
        else:
            assert np.floor(size * test) <= taken[label] <= np.ceil(size * test)
        assert left[label] >= 1
    eligible = sum(size for size in sizes if size > 1)
    assert abs(taken.total() - eligible * test) < 1


def test_validation_is_a_share_of_what_the_test_left():
    codes = closed(rows_of(["a", "b"] * 500), validation=0.1, test=0.2)
    assert Counter(codes.tolist()) == {TRAIN: 720, VALIDATION: 80, TEST: 200}


def test_small_classes_together_give_the_share_that_each_alone_could_not():
    labels = [f"class {row // 2}" for row in range(2000)]
    assert abs(Counter(closed(rows_of(labels), test=0.2).tolist())[TEST] - 400) <= 1


def test_what_a_share_leaves_over_falls_to_either_side():
    rows = rows_of(["a", "b"] * 12)
    assert {Counter(closed(rows, test=0.1, seed=seed).tolist())[TEST] for seed in range(30)} == {2, 3}


@given(classes=st.integers(7, 40), share=st.sampled_from([0.1, 0.2, 0.4]), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_zero_shot_keeps_classes_apart(classes: int, share: float, seed: int):
    labels = [f"class {row % classes}" for row in range(3 * classes)]
    codes = zero_shot(rows_of(labels), test=share, validation=0.1, seed=seed)
    train, validation, test = (classes_in(labels, codes, code) for code in (TRAIN, VALIDATION, TEST))
    assert not train & validation
    assert not train & test
    assert not validation & test
    assert len(test) == max(2, round(classes * share))
    assert len(validation) == max(2, round((classes - len(test)) * 0.1))
    assert len(train | validation | test) == classes


def test_shares_of_several_labels():
    labels = pa.array([["a", "b"], ["b"]] * 50)
    codes = closed(SourceRows(strings([str(row) for row in range(100)]), labels))
    assert Counter(codes.tolist()) == {TRAIN: 72, VALIDATION: 8, TEST: 20}


def test_too_little_to_draw_from():
    with pytest.raises(
        DataError, match=r"data\.test is 0\.2 but 0 rows of classes with more than one row give none"
    ):
        closed(rows_of(["a", "b", "c"]))
    with pytest.raises(DataError, match="3 classes are too few for 2 in test and 2 in training"):
        zero_shot(rows_of(["a", "b", "c"] * 20))
