"""Batches of rows with several classes."""

import numpy as np
import pytest
from tripletmine.models.batches.class_balanced import ClassBalanced
from tripletmine.models.batches.decks import Decks
from tripletmine.models.batches.neighbourhood import Neighbourhood
from tripletmine.models.batches.settings import BatchShape, NeighbourhoodSettings
from tripletmine.models.batches.stored_triplets import StoredTriplets
from tripletmine.models.seeds import numpy_generator

from ..label_sets import as_row_classes, random_sets


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
        # Three rows of each class that was drawn, so nearly all rows have a positive.
        shared = batch.members.astype(int) @ batch.members.T.astype(int)
        assert ((shared > 0).sum(axis=1) > 1).mean() > 0.8
    assert seen[1::2].min() > 0  # those with mined triplets come first


@pytest.mark.parametrize("make", [balanced, confused])
def test_a_class_that_is_never_a_rows_first_is_drawn(make):
    """Class 5 comes second in every row that has it, and is the only one that all these rows share."""
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
