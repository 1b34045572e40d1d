"""Which rows are held out."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.splits import assign
from tripletmine.pipeline.data.splits.assign import TEST, TRAIN, VALIDATION, assign_splits, class_codes
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


def test_the_seed_decides_and_nothing_else():
    rows = rows_of(["a", "b", "c", "d"] * 50)
    assert closed(rows, seed=1).tolist() == closed(rows, seed=1).tolist()
    assert closed(rows, seed=1).tolist() != closed(rows, seed=2).tolist()
    rows = rows_of([f"class {row % 30}" for row in range(90)])
    assert zero_shot(rows, seed=1).tolist() == zero_shot(rows, seed=1).tolist()
    assert zero_shot(rows, seed=1).tolist() != zero_shot(rows, seed=2).tolist()


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


def test_rows_are_hashed_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch):
    rows = rows_of(["a", "b"] * 50)
    expected = closed(rows)
    monkeypatch.setattr(assign, "_BLOCK_ROWS", 7)
    assert np.array_equal(closed(rows), expected)


def test_several_labels_count_for_the_first():
    labels = pa.array([["b", "a"], ["a"], ["b"], ["a", "b"]])
    assert class_codes(labels).tolist() == [0, 1, 0, 1]
    assert class_codes(labels[1:]).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("labels", "splits", "message"),
    [
        (["a"] * 50, None, "the training split has one class in \\d+ rows"),
        (["a", "b"] * 50, ["test", "test"] * 50, "the data set has no training rows"),
        (["a", "b", "c"], None, "none of . rows of . classes can be held out|each of the . classes"),
        (
            ["a"] * 20 + ["b"] * 20,
            ["train"] * 20 + ["test"] * 20,
            "the training split has one class in \\d+ rows",
        ),
        (["a", "b", "a"], ["train", "train", "validation"], "each of the 2 classes .* has one row"),
    ],
)
def test_splits_that_teach_nothing(labels: list[str], splits: list[str] | None, message: str):
    with pytest.raises(DataError, match=message):
        closed(rows_of(labels, splits))


def test_zero_shot_needs_classes():
    with pytest.raises(DataError, match="5 classes are too few for 2 in test and 4 others"):
        zero_shot(rows_of(["a", "b", "c", "d", "e"] * 20))
    with pytest.raises(DataError, match="3 classes are too few for 2 in validation and 2 others"):
        zero_shot(rows_of(["a", "b", "c"] * 20), test=0.0)


def test_zero_shot_with_classes_on_both_sides():
    labels = [f"class {row % 8}" for row in range(80)]
    with pytest.raises(
        DataError, match=r"6 classes, such as 'class \d', are in the training and in the test split"
    ):
        zero_shot(rows_of(labels, ["train"] * 40 + ["test"] * 40), validation=0.1)


def test_zero_shot_with_several_labels():
    labels = pa.array([["a", "b"], ["b"]] * 50)
    with pytest.raises(DataError, match="rows have several labels"):
        zero_shot(SourceRows(strings([str(row) for row in range(100)]), labels))
