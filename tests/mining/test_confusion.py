"""The class-confusion table adds up, and its memory does not grow with the square of the number of classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.confusion import Confusion, ConfusionSum, aggregate, empty_confusion, merge_confusions
from tripletmine.mining.errors import InputError

entries = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9), st.floats(0.001, 2)), max_size=60
)


def as_columns(rows):
    a, b, count, hinge = zip(*rows, strict=True) if rows else ((), (), (), ())
    return np.array(a, np.int32), np.array(b, np.int32), np.array(count, np.int64), np.array(hinge, float)


@given(st.lists(entries, max_size=4))
@settings(deadline=None)
def test_merging_adds_equal_pairs(parts):
    merged = merge_confusions([aggregate(*as_columns(part)) for part in parts])
    expected = {}
    for a, b, count, hinge in (row for part in parts for row in part):
        entry = expected.setdefault((a, b), [0, 0.0])
        entry[0] += count
        entry[1] += hinge
    pairs = list(zip(merged.class_a.tolist(), merged.class_b.tolist(), strict=True))
    assert pairs == sorted(expected)
    assert merged.count.tolist() == [expected[pair][0] for pair in pairs]
    np.testing.assert_allclose(merged.hinge, [expected[pair][1] for pair in pairs])
    np.testing.assert_allclose(merged.mean_hinge * merged.count, merged.hinge)


def test_a_hundred_thousand_classes():
    # A dense table would be 10¹⁰ entries.
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 100_000, (2, 200_000)).astype(np.int32)
    table = aggregate(a, b, np.ones(200_000, np.int64), np.full(200_000, 0.5))
    key = a.astype(np.int64) * 100_000 + b
    found, counts = np.unique(key, return_counts=True)
    np.testing.assert_array_equal(table.class_a.astype(np.int64) * 100_000 + table.class_b, found)
    np.testing.assert_array_equal(table.count, counts)


def test_nothing_adds_up_to_nothing():
    assert len(merge_confusions([])) == len(merge_confusions([empty_confusion()])) == 0


def test_a_damaged_table_is_refused():
    table = Confusion(np.zeros(2, np.int32), np.zeros(2, np.int32), np.ones(1, np.int64), np.ones(2))
    with pytest.raises(InputError, match="table 0 has columns of different lengths"):
        merge_confusions([table])


@given(st.lists(entries, max_size=9))
@settings(deadline=None)
def test_tables_that_come_one_by_one_add_up_to_the_same_bits(parts):
    tables = [aggregate(*as_columns(part)) for part in parts]
    total = ConfusionSum()
    for table in tables:
        total.add(table)
    expected = aggregate(*as_columns([row for part in parts for row in part]))
    for found in (total.total, merge_confusions(tables)):
        np.testing.assert_array_equal(found.class_a, expected.class_a)
        np.testing.assert_array_equal(found.class_b, expected.class_b)
        np.testing.assert_array_equal(found.count, expected.count)
        np.testing.assert_allclose(found.hinge, expected.hinge)
    np.testing.assert_array_equal(total.total.hinge, merge_confusions(tables).hinge)


def test_a_sum_holds_its_pairs_and_not_its_parts():
    rng = np.random.default_rng(0)
    total = ConfusionSum()
    for _ in range(50):
        a, b = rng.integers(0, 30, (2, 700)).astype(np.int32)
        total.add(aggregate(a, b, np.ones(700, np.int64), rng.random(700)))
        assert len(total.total) <= 30 * 30
    assert total.total.count.sum() == 50 * 700
