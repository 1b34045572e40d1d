"""Rows with several classes: their lists, and the batches that are composed of them."""

import numpy as np
import pytest
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.decks import Decks
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.batches.row_classes import RowClasses
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.batches.stored_triplets import StoredTriplets
from tripletmine.models.errors import ModelError
from tripletmine.models.seeds import numpy_generator

from ..label_sets import as_row_classes, random_sets

CODES = np.array([1, 0, 1, 3, 0, 1], np.int32)


def test_one_class_a_row():
    classes = RowClasses.of(CODES)
    rows, starts = classes.rows_by_class()
    np.testing.assert_array_equal(starts, [0, 2, 5, 5, 6])
    np.testing.assert_array_equal(rows, [1, 4, 0, 2, 5, 3])
    assert classes.single
    assert classes.counts().tolist() == [2, 3, 0, 1]
    batch = classes.batch(np.array([3, 0]))
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


def test_a_batch_says_which_of_its_classes_each_row_has():
    sets = [{0, 4}, {2}, {4}, {1, 2, 4}, {3}]
    batch = as_row_classes(sets).batch(np.array([3, 1, 0]))
    assert batch.classes.tolist() == [1, 2, 0]
    assert batch.members is not None
    assert batch.members.tolist() == [  # of the classes 0, 1, 2 and 4
        [False, True, True, True],
        [False, False, True, False],
        [True, False, False, True],
    ]


def test_rows_without_a_class_are_refused():
    with pytest.raises(ModelError, match="1 rows without a class"):
        RowClasses.of(RowClasses(np.array([0, 1], np.int32), np.array([0, 2, 2])))


def test_an_item_of_two_decks_is_dealt_once():
    decks = Decks(np.array([0, 1, 2, 1, 2, 3]), np.array([0, 3, 6]), numpy_generator(0))
    for _ in range(20):
        taken = np.zeros(4, np.bool_)
        first, second = decks.deal(0, 2, taken), decks.deal(1, 3, taken)
        assert len(first) == 2
        assert set(second.tolist()) == {1, 2, 3} - set(first.tolist())
        assert taken.sum() == len(first) + len(second)
        assert decks.deal(0, 9, taken).tolist() == sorted({0, 1, 2} - {*first.tolist(), *second.tolist()})
        assert decks.deal(1, 5, taken).tolist() == []


def balanced(sets, **options):
    return ClassBalanced(as_row_classes(sets), images=12 * 40, seed=0, epoch=0, **options)


def confused(sets, **options):
    classes = max(max(each) for each in sets) + 1
    pairs = [(a, b) for a in range(classes) for b in range(classes) if a != b]
    return Neighbourhood(
        as_row_classes(sets),
        np.array([row % 2 for row in range(len(sets))]),
        {
            "class_a": np.array([a for a, _ in pairs]),
            "class_b": np.array([b for _, b in pairs]),
            "count": np.ones(len(pairs), np.int64),
        },
        settings=NeighbourhoodSettings(**options),
        images=12 * 40,
        seed=0,
        epoch=0,
    )


@pytest.mark.parametrize("make", [balanced, confused])
def test_no_row_twice_and_every_mined_row_some_time(make):
    sets = random_sets(90, classes=12)
    plan = make(sets, shape=BatchShape(4, 3))
    seen = np.zeros(90, int)
    for batch in plan.batches():
        assert len(batch) == len(set(batch.rows.tolist())) == 12
        seen[batch.rows] += 1
        for row, listed in zip(batch.rows, batch.members, strict=True):
            assert listed.sum() == len(sets[row])
        # Of each class that was drawn three rows, so nearly all rows have a positive.
        shared = batch.members.astype(int) @ batch.members.T.astype(int)
        assert ((shared > 0).sum(axis=1) > 1).mean() > 0.8
    assert seen[1::2].min() > 0  # those with mined triplets come first


@pytest.mark.parametrize("make", [balanced, confused])
def test_a_class_that_is_never_a_rows_first_is_drawn(make):
    """Class 5 stands second in every row that has it, and is the only one that these rows have in common."""
    sets = [{row % 5} for row in range(50)] + [{row % 5, 5} for row in range(6)]
    shown = [sum(row >= 50 for row in batch.rows) for batch in make(sets, shape=BatchShape(2, 6)).batches()]
    assert max(shown) == 6


@pytest.mark.parametrize("make", [balanced, confused])
def test_later_steps_do_not_depend_on_where_one_begins(make):
    plan = make(random_sets(60, classes=8), shape=BatchShape(4, 3))
    whole = [batch.rows.tolist() for batch in plan.batches()]
    assert [batch.rows.tolist() for batch in plan.batches(7)] == whole[7:]


def test_a_batch_is_smaller_where_the_classes_have_no_more_rows():
    sets = [{0, 1}, {0, 1}, {0, 2}, {1, 2}]
    for batch in balanced(sets, shape=BatchShape(3, 4)).batches():
        assert sorted(batch.rows.tolist()) == [0, 1, 2, 3]


def test_stored_triplets_come_with_the_classes_of_their_rows():
    sets = [{0, 1}, {1}, {2}, {0, 2}, {1, 2}]
    columns = {
        "anchor": np.array([0, 3]),
        "positive": np.array([1, 2]),
        "negative": np.array([2, 1]),
    }
    plan = StoredTriplets(as_row_classes(sets), [lambda: columns], batch_images=4, images=4, seed=0, epoch=0)
    (batch,) = plan.batches()
    assert batch.rows.tolist() == [0, 1, 2, 3]
    assert batch.members is not None
    assert batch.members.tolist() == [[code in sets[row] for code in range(3)] for row in range(4)]
