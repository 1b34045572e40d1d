"""The class-confusion table adds up, and its memory does not grow with the square of the number of classes."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining import confusion
from tripletmine.mining.confusion import (
    Confusion,
    ConfusionSum,
    aggregate,
    empty_confusion,
    merge_confusions,
    merge_into,
)
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


def test_a_part_with_columns_of_different_lengths_is_refused_when_it_comes():
    total = ConfusionSum()
    total.add(aggregate(*as_columns([(0, 1, 1, 0.5)])))
    with pytest.raises(InputError, match="table 1 has columns of different lengths"):
        total.add(Confusion(np.zeros(2, np.int32), np.zeros(2, np.int32), np.ones(1, np.int64), np.ones(2)))


@given(st.lists(st.tuples(entries, st.booleans()), max_size=30), st.sampled_from([1, 40, 10_000]))
@settings(deadline=None)
def test_tables_that_come_one_by_one_add_up_to_the_same_bits(parts, least):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confusion, "_LEAST_MERGED", least)
        tables, handed_out, total = [], [], ConfusionSum()
        for rows, looked_at in parts:
            tables.append(aggregate(*as_columns(rows)))
            total.add(tables[-1])
            if looked_at:
                handed_out += [(column, column.tobytes()) for column in columns_of(total.total)]
        found = total.total
    expected = merge_confusions(tables)
    for column, wanted in zip(columns_of(found), columns_of(expected), strict=True):
        assert column.dtype == wanted.dtype
        assert column.tobytes() == wanted.tobytes()
    assert all(column.tobytes() == before for column, before in handed_out)


def columns_of(table):
    return table.class_a, table.class_b, table.count, table.hinge


def test_the_hinges_of_a_pair_are_added_in_the_order_of_the_parts(monkeypatch):
    # 1 + 2⁻⁵³ is 1, so that (1 + 2⁻⁵³) + 2⁻⁵³ is 1, and 1 + (2⁻⁵³ + 2⁻⁵³) is more.
    monkeypatch.setattr(confusion, "_LEAST_MERGED", 1)
    monkeypatch.setattr(confusion, "_SHARE_MERGED", 1)
    total = ConfusionSum()
    first = [(0, 1, 1, 1.0), (0, 2, 1, 1.0)]
    for rows in (first, [(0, 1, 1, 2.0**-53)], [(0, 1, 1, 2.0**-53)]):
        total.add(aggregate(*as_columns(rows)))
    assert total.total.hinge.tolist() == [1.0, 1.0]


def sum_of_random_parts(parts: int, pairs: int, classes: int) -> ConfusionSum:
    rng = np.random.default_rng(0)
    total = ConfusionSum()
    for _ in range(parts):
        a, b = rng.integers(0, classes, (2, pairs)).astype(np.int32)
        total.add(aggregate(a, b, np.ones(pairs, np.int64), rng.random(pairs)))
    return total


@pytest.mark.parametrize("classes", [30, 3000])
def test_the_work_of_a_sum_grows_with_the_entries_and_not_with_their_square(monkeypatch, classes):
    monkeypatch.setattr(confusion, "_LEAST_MERGED", 1)
    touched = 0

    def counted(*arguments):
        nonlocal touched
        touched += len(arguments[0]) + len(arguments[-1])
        return merge_into(*arguments)

    monkeypatch.setattr(confusion, "merge_into", counted)
    parts, pairs = 200, 100
    total = sum_of_random_parts(parts, pairs, classes)
    assert total.total.count.sum() == parts * pairs
    # With each entry that is merged, at most four of the total are touched, and itself in its place; the last merge
    # comes early.
    assert touched <= parts * pairs * (1 + 4 + 1) + len(total.total)


def test_a_sum_holds_its_pairs_and_not_its_parts(monkeypatch):
    monkeypatch.setattr(confusion, "_LEAST_MERGED", 1)
    total = sum_of_random_parts(50, 700, 30)
    held = len(total._total) + total._entries
    assert total._entries == sum(map(len, total._waiting))
    assert held <= 30 * 30 * 1.25 + 700
    assert len(total.total) <= 30 * 30


def test_a_merge_takes_little_memory_beside_the_total(monkeypatch):
    monkeypatch.setattr(confusion, "_LEAST_MERGED", 1)
    sum_of_random_parts(3, 20_000, 3000)
    tracemalloc.start()
    total = sum_of_random_parts(40, 20_000, 3000).total
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Two totals, as when the merged one is made beside the other, would be 2; parts and their order take the rest.
    assert peak < 1.8 * sum(column.nbytes for column in columns_of(total))
