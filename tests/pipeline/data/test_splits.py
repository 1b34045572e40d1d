"""Which rows are held out."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.splits import TEST, TRAIN, VALIDATION, assign_splits, class_codes
from tripletmine.pipeline.errors import DataError


def rows_of(labels: list[str], splits: list[str] | None = None) -> SourceRows:
    keys = strings([str(row) for row in range(len(labels))])
    return SourceRows(keys, strings(labels), None if splits is None else strings(splits))


def closed(rows: SourceRows, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> np.ndarray:
    return assign_splits(rows, split="closed", validation=validation, test=test, seed=seed)


def zero_shot(rows: SourceRows, *, validation: float = 0.1, test: float = 0.2, seed: int = 0) -> np.ndarray:
    return assign_splits(rows, split="zero-shot", validation=validation, test=test, seed=seed)


def classes_in(labels: list[str], codes: np.ndarray, code: int) -> set[str]:
    return {label for label, found in zip(labels, codes, strict=True) if found == code}


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


def test_the_seed_decides_and_nothing_else():
    rows = rows_of(["a", "b", "c", "d"] * 50)
    assert closed(rows, seed=1).tolist() == closed(rows, seed=1).tolist()
    assert closed(rows, seed=1).tolist() != closed(rows, seed=2).tolist()
    rows = rows_of([f"class {row % 30}" for row in range(90)])
    assert zero_shot(rows, seed=1).tolist() == zero_shot(rows, seed=1).tolist()
    assert zero_shot(rows, seed=1).tolist() != zero_shot(rows, seed=2).tolist()


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


def test_no_test_share_gives_no_test_rows():
    assert TEST not in closed(rows_of(["a", "b"] * 50), test=0.0)


def test_a_data_set_keeps_its_own_splits():
    splits = ["train", "train", "validation", "test"] * 10
    codes = closed(rows_of(["a", "b", "a", "b"] * 10, splits))
    assert codes.tolist() == [TRAIN, TRAIN, VALIDATION, TEST] * 10


@pytest.mark.parametrize("held_out", ["train", "test"])
def test_validation_comes_out_of_its_own_training_rows(held_out: str):
    splits = ["train"] * 60 + [held_out] * 40
    codes = closed(rows_of(["a", "b"] * 50, splits), validation=0.25)
    in_test = 0 if held_out == "train" else 40
    assert Counter(codes[60:].tolist())[TEST] == in_test
    assert Counter(codes.tolist())[VALIDATION] == (100 - in_test) // 4


def test_several_labels_count_for_the_first():
    labels = pa.array([["b", "a"], ["a"], ["b"], ["a", "b"]])
    assert class_codes(labels).tolist() == [0, 1, 0, 1]
    assert class_codes(labels[1:]).tolist() == [0, 1, 0]


def test_shares_of_several_labels():
    labels = pa.array([["a", "b"], ["b"]] * 50)
    codes = closed(SourceRows(strings([str(row) for row in range(100)]), labels))
    assert Counter(codes.tolist()) == {TRAIN: 72, VALIDATION: 8, TEST: 20}


@pytest.mark.parametrize(
    ("labels", "splits", "message"),
    [
        (["a"] * 50, None, "the training split has one class in 36 rows"),
        (["a", "b"] * 50, ["test", "test"] * 50, "give none|no training rows"),
        (["a", "b", "c"], None, "data.test is 0.2 but 0 rows of classes with more than one row give none"),
        (
            ["a"] * 20 + ["b"] * 20,
            ["train"] * 20 + ["test"] * 20,
            "the training split has one class in 18 rows",
        ),
        (["a", "b", "a"], ["train", "train", "validation"], "each of the 2 classes .* has one row"),
    ],
)
def test_splits_that_teach_nothing(labels: list[str], splits: list[str] | None, message: str):
    with pytest.raises(DataError, match=message):
        closed(rows_of(labels, splits))


def test_zero_shot_needs_classes():
    with pytest.raises(DataError, match="3 classes do not suffice for 2 for test and 2 for training"):
        zero_shot(rows_of(["a", "b", "c"] * 20))
    with pytest.raises(DataError, match="3 classes do not suffice for 2 for validation"):
        zero_shot(rows_of(["a", "b", "c", "d", "e"] * 20))


def test_zero_shot_with_classes_on_both_sides():
    labels = [f"class {row % 8}" for row in range(80)]
    with pytest.raises(
        DataError, match=r"6 classes, as 'class \d', are in the training and in the test split"
    ):
        zero_shot(rows_of(labels, ["train"] * 40 + ["test"] * 40), validation=0.1)


def test_zero_shot_with_several_labels():
    labels = pa.array([["a", "b"], ["b"]] * 50)
    with pytest.raises(DataError, match="rows have several labels"):
        zero_shot(SourceRows(strings([str(row) for row in range(100)]), labels))
