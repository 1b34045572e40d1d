"""Splits that stay where they are when the data grow."""

from collections import Counter
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.pipeline.data.base import SourceRows, strings
from tripletmine.pipeline.data.splits.assign import TEST, TRAIN, VALIDATION, assign_splits
from tripletmine.pipeline.data.splits.hashed import hash_classes, hash_rows, numbers_of
from tripletmine.pipeline.errors import DataError

Split = Literal["closed", "zero-shot"]


def splits_of(labels: dict[str, str], split: Split, *, seed: int = 0, test: float = 0.2) -> dict[str, int]:
    """Code of each key."""
    rows = SourceRows(strings(list(labels)), strings(list(labels.values())))
    codes = assign_splits(rows, split=split, validation=0.1, test=test, seed=seed)
    return dict(zip(labels, codes.tolist(), strict=True))


def labels_of(classes: range, rows: range) -> dict[str, str]:
    return {f"{name}/{row}": f"class {name}" for name in classes for row in rows}


@pytest.mark.parametrize("split", ["closed", "zero-shot"])
def test_more_classes_move_nothing(split: Split):
    before = splits_of(labels_of(range(60), range(5)), split)
    after = splits_of(labels_of(range(75), range(5)), split)
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize("split", ["closed", "zero-shot"])
def test_more_rows_move_nothing(split: Split):
    before = splits_of(labels_of(range(60), range(5)), split)
    after = splits_of(labels_of(range(60), range(9)), split)
    assert {key: after[key] for key in before} == before


@given(
    sizes=st.lists(st.integers(1, 8), min_size=4, max_size=12),
    more=st.lists(st.integers(0, 8), min_size=12, max_size=12),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None)
def test_a_split_that_had_enough_keeps_all_its_rows(sizes: list[int], more: list[int], seed: int):
    """However few the data: if both held-out splits had enough by hashes alone, adding data moves no row."""
    labels = {f"{name}/{row}": f"class {name}" for name, size in enumerate(sizes) for row in range(size)}
    grown = {
        **labels,
        **{f"{name}/new {row}": f"class {name}" for name, size in enumerate(more) for row in range(size)},
    }
    try:
        before = splits_of(labels, "closed", seed=seed)
    except DataError:
        return
    if before == {key: share_alone(key, seed) for key in labels}:
        after = splits_of(grown, "closed", seed=seed)
        assert {key: after[key] for key in labels} == before


def share_alone(key: str, seed: int, *, test: float = 0.2, validation: float = 0.1) -> int:
    """Where a row belongs by its own key, with no regard to what a split needs."""
    in_test, in_validation = (
        int(numbers_of([key], seed, name)[0]) / 2**64 for name in ("test", "validation")
    )
    return TEST if in_test < test else VALIDATION if in_validation < validation else TRAIN


@given(
    keys=st.lists(st.text(min_size=1, max_size=6), min_size=60, max_size=120, unique=True),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=30, deadline=None)
def test_where_nothing_is_needed_each_row_is_where_its_own_key_says(keys: list[str], seed: int):
    labels = dict.fromkeys(keys[::2], "a") | dict.fromkeys(keys[1::2], "b")
    plain = {key: share_alone(key, seed) for key in labels}
    for code in (TEST, VALIDATION):
        if set(Counter(labels[key] for key, where in plain.items() if where == code).values()) - {1} == set():
            return  # too few: others are taken
        if len({labels[key] for key, where in plain.items() if where == code}) < 2:
            return
    assert splits_of(labels, "closed", seed=seed) == plain


@pytest.mark.parametrize(("split", "names"), [("closed", 20_000), ("zero-shot", 2_000)])
def test_shares_are_those_asked_for(split: Split, names: int):
    count = Counter(splits_of(labels_of(range(2_000), range(10)), split, seed=3).values())
    assert abs(count[TEST] / 20_000 - 0.2) < 4 * (0.2 * 0.8 / names) ** 0.5
    left = 20_000 - count[TEST]
    assert abs(count[VALIDATION] / left - 0.1) < 4 * (0.1 * 0.9 / (0.8 * names)) ** 0.5


@pytest.mark.parametrize("split", ["closed", "zero-shot"])
def test_the_order_of_the_rows_does_not_matter_and_the_seed_does(split: Split):
    labels = labels_of(range(40), range(4))
    shuffled = {key: labels[key] for key in np.random.default_rng(0).permutation(list(labels)).tolist()}
    assert splits_of(shuffled, split) == splits_of(labels, split)
    assert splits_of(labels, split, seed=1) != splits_of(labels, split)


@pytest.mark.parametrize("split", ["closed", "zero-shot"])
def test_another_share_for_the_test_moves_rows_to_it_only(split: Split):
    less = splits_of(labels_of(range(80), range(5)), split, test=0.1)
    more = splits_of(labels_of(range(80), range(5)), split, test=0.3)
    assert {(less[key], more[key]) for key in less if less[key] != more[key]} == {
        (TRAIN, TEST),
        (VALIDATION, TEST),
    }


@given(classes=st.integers(6, 30), test=st.sampled_from([0.01, 0.2, 0.5]), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_each_split_has_its_least_number_of_classes(classes: int, test: float, seed: int):
    labels = labels_of(range(classes), range(3))
    codes = splits_of(labels, "zero-shot", seed=seed, test=test)
    found = {
        code: {labels[key] for key in labels if codes[key] == code} for code in (TRAIN, VALIDATION, TEST)
    }
    assert min(len(names) for names in found.values()) >= 2
    assert sum(len(names) for names in found.values()) == classes


@given(sizes=st.lists(st.integers(4, 12), min_size=2, max_size=6), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_small_split_has_a_query_with_a_match_and_another_class(sizes: list[int], seed: int):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    numbers = numbers_of([str(row) for row in range(len(classes))], seed, "test")
    taken = hash_rows(classes, numbers, 0.01, name="test")
    held = np.bincount(classes[taken])
    assert held.max() >= 2
    assert (held > 0).sum() >= 2
    assert np.all(np.bincount(classes[~taken], minlength=len(sizes)) >= 1)


def test_what_is_needed_is_taken_in_the_order_of_the_numbers():
    classes = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    numbers = np.array([9, 3, 8, 4, 5, 7, 1, 2], dtype=np.uint64) << np.uint64(58)
    # Class 2 has no row to spare beside a pair; of class 1 the second row comes at 5, of class 0 at 8.
    assert hash_rows(classes, numbers, 0.001, name="test").tolist() == [0, 0, 0, 1, 1, 0, 1, 0]


def test_no_row_to_spare():
    with pytest.raises(
        DataError, match=r"data\.test is 0\.001 but none of 3 rows of 3 classes can be held out"
    ):
        hash_rows(np.arange(3), numbers_of(["a", "b", "c"], 0, "test"), 0.001, name="test")


def test_too_few_classes():
    numbers = numbers_of(["a", "b", "c"], 0, "test")
    with pytest.raises(DataError, match="3 classes are too few for 2 in validation and 2 others"):
        hash_classes(numbers, 0.5, name="validation", leave=2)


def test_numbers_are_uniform_and_of_the_name_alone():
    names = [str(row) for row in range(4_000)]
    numbers = numbers_of(names, 5, "test")
    counts = np.bincount((numbers >> np.uint64(60)).astype(int), minlength=16)
    assert abs(counts - 250).max() < 5 * (250 * 15 / 16) ** 0.5
    assert numbers_of(names[7:8], 5, "test") == numbers[7:8]
    assert not np.any(numbers_of(names, 5, "validation") == numbers)
    assert not np.any(numbers_of(names, 6, "test") == numbers)


def test_several_labels_stay_with_their_key():
    labels = pa.array([["a", "b"], ["b"]] * 100)
    keys = strings([str(row) for row in range(200)])
    codes = assign_splits(SourceRows(keys, labels), split="closed", validation=0.1, test=0.2, seed=0)
    assert codes.tolist() == [share_alone(str(row), 0) for row in range(200)]
