"""The classes of rows: one per row, or several."""

import numpy as np
import pytest
from tripletmine.models.batches.batch import Batch
from tripletmine.models.errors import ModelError
from tripletmine.models.row_classes import RowClasses

from .label_sets import as_row_classes, random_sets

CODES = np.array([1, 0, 1, 3, 0, 1], np.int32)


def listed(classes):
    """The set of each row, read one by one."""
    assert classes.offsets is not None
    ends = zip(classes.offsets[:-1], classes.offsets[1:], strict=True)
    return [classes.members[first:stop].tolist() for first, stop in ends]


def test_one_class_a_row():
    classes = RowClasses.of(CODES)
    rows, starts = classes.rows_by_class()
    np.testing.assert_array_equal(starts, [0, 2, 5, 5, 6])
    np.testing.assert_array_equal(rows, [1, 4, 0, 2, 5, 3])
    assert classes.single
    assert classes.counts().tolist() == [2, 3, 0, 1]
    batch = Batch.of(classes, np.array([3, 0]))
    assert batch.classes.tolist() == [3, 1]
    assert batch.members is None


def test_a_row_is_listed_under_each_of_its_classes():
    sets = random_sets(40, classes=9)
    classes = as_row_classes(sets)
    kept = np.arange(40) % 3 > 0
    for chosen in (None, kept):
        rows, starts = classes.rows_by_class(chosen)
        for code in range(9):
            expected = [
                row for row, each in enumerate(sets) if code in each and (chosen is None or chosen[row])
            ]
            assert rows[starts[code] : starts[code + 1]].tolist() == expected
    assert classes.counts().tolist() == [sum(code in each for each in sets) for code in range(9)]
    weighted = classes.counts(kept)
    assert weighted.tolist() == [
        sum(kept[row] for row in range(40) if code in sets[row]) for code in range(9)
    ]
    assert classes.first.tolist() == [min(each) for each in sets]


def test_rows_without_a_class_are_refused():
    with pytest.raises(ModelError, match="1 rows without a class"):
        RowClasses.of(RowClasses(np.array([0, 1], np.int32), np.array([0, 2, 2])))


def test_classes_in_any_order_and_named_twice():
    assert listed(RowClasses.of_sets([[3, 3], [3, 1, 3]])) == [[3], [1, 3]]


def test_sets_of_one_are_one_class_a_row():
    classes = RowClasses.of_sets([[2], [0, 0], [2]])
    assert classes.single
    assert classes.members.tolist() == [2, 0, 2]


def test_some_rows_in_another_order():
    sets = random_sets(30, classes=6)
    rows = np.array([4, 0, 29, 4])
    assert listed(as_row_classes(sets).take(rows)) == [sorted(sets[row]) for row in rows]
    assert RowClasses(CODES).take(np.array([3, 0])).members.tolist() == [3, 1]


def test_a_batch_says_which_of_its_classes_each_row_has():
    sets = [{0, 4}, {2}, {4}, {1, 2, 4}, {3}]
    batch = Batch.of(as_row_classes(sets), np.array([3, 1, 0]))
    assert batch.classes.tolist() == [1, 2, 0]
    assert batch.members is not None
    assert batch.members.tolist() == [  # of the classes 0, 1, 2 and 4
        [False, True, True, True],
        [False, False, True, False],
        [True, False, False, True],
    ]
    assert batch.codes is not None
    assert batch.codes.tolist() == [0, 1, 2, 4]


def test_more_classes_than_the_rows_have():
    rows, starts = as_row_classes([{0}, {0, 2}]).rows_by_class(classes=5)
    assert (rows.tolist(), starts.tolist()) == ([0, 1, 1], [0, 2, 2, 3, 3, 3])
