"""The walk itself: where it goes from a class, where it starts again, what it never takes."""

from collections import Counter

import numpy as np
from tripletmine.models.batches.confusion_graph import confusion_graph
from tripletmine.models.batches.walk import ClassWalk
from tripletmine.models.seeds import numpy_generator


def walk(edges, visits, usable=None, seed=0):
    first, second, count = np.array(edges, np.int64).reshape(-1, 3).T
    visits = np.asarray(visits, np.float64)
    usable = np.arange(len(visits)) if usable is None else np.asarray(usable)
    return ClassWalk(
        confusion_graph(first, second, count, len(visits)), usable, visits, numpy_generator(seed)
    )


def second_classes(edges, visits, trials=400):
    """Where the walk goes from class 0, which is furthest behind."""
    found = Counter()
    for seed in range(trials):
        steps = walk(edges, visits, seed=seed)
        steps.begin(1.0)
        assert steps.walked() == 0
        found[steps.walked()] += 1
    return found


def test_the_walk_follows_the_weights():
    found = second_classes([(0, 1, 30), (0, 2, 10)], [10, 1, 1, 1])
    assert set(found) == {1, 2}
    assert 0.68 < found[1] / 400 < 0.82, found


def test_of_equally_confused_classes_the_one_that_is_behind_is_preferred():
    found = second_classes([(0, 1, 5), (0, 2, 5)], [20, 8, 2])  # appetites 9 and 3
    assert 0.68 < found[1] / 400 < 0.82, found


def test_a_class_that_is_a_visit_ahead_is_not_walked_to():
    # The first batch takes class 1, which is then one visit ahead, as it should have none.
    steps = walk([(0, 1, 1000), (0, 2, 1)], [9, 0, 1], seed=1)
    walked: list[int] = []
    for _ in range(2):
        steps.begin(1.0)
        walked = [steps.walked(), steps.walked()]
    assert walked == [0, 2]


def test_a_batch_takes_no_class_twice_and_every_class_when_asked_for_all():
    steps = walk([(0, 1, 5), (1, 2, 5), (2, 0, 5)], [1.0] * 6)
    for _ in range(20):
        steps.begin(0.5)
        assert sorted([steps.walked() if turn % 2 else steps.drawn() for turn in range(6)]) == list(range(6))


def test_classes_that_are_not_usable_are_never_taken():
    steps = walk([(0, 1, 1000), (0, 2, 1)], [3, 0, 3, 3], usable=[0, 2, 3])
    for _ in range(20):
        steps.begin(1.0)
        assert sorted([steps.walked(), steps.walked(), steps.drawn()]) == [0, 2, 3]


def test_where_it_is_stuck_it_starts_again_at_the_class_furthest_behind():
    steps = walk([(0, 1, 1)], [9, 2, 3, 7, 5])
    steps.begin(1.0)
    assert [steps.walked() for _ in range(5)] == [0, 1, 3, 4, 2]
