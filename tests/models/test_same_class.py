"""Rows are positives of each other where their label sets intersect."""

import pytest
import torch
from tripletmine.models.same_class import same_class

from .label_sets import first_of, members_of, random_sets


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_of_one_class_where_their_sets_meet(seed):
    sets = random_sets(30, classes=12, seed=seed)
    found = same_class(first_of(sets), members_of(sets))
    assert found.dtype == torch.bool
    assert found.tolist() == [[bool(one & other) for other in sets] for one in sets]


def test_the_first_class_does_not_decide():
    sets = [{0, 2}, {1, 2}, {0}, {1}]
    found = same_class(first_of(sets), members_of(sets))
    assert found[0].tolist() == [True, True, True, False]


def test_one_class_a_row():
    classes = torch.tensor([3, 0, 3])
    expected = [[True, False, True], [False, True, False], [True, False, True]]
    assert same_class(classes).tolist() == expected
    assert same_class(classes, members_of([{3}, {0}, {3}])).tolist() == expected
