"""Groups of rows as codes."""

import re

import numpy as np
import pandas as pd
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.groups import group_codes
from tripletmine.mining.guards import Guards
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.rule import MiningRule


@pytest.mark.parametrize(
    "values",
    [
        ["b", None, "a", "b", ""],
        np.array(["b", "", "a", "b", ""]),
        pd.Series(["b", None, "a", "b", None]),
        [7, None, np.int32(3), np.int64(7), None],
        [float("nan") if value is None else value for value in (7, None, 3, 7, None)],
    ],
)
def test_equal_names_have_equal_codes(values):
    (codes,) = group_codes(values)
    assert codes.dtype == np.int64
    assert codes.tolist() == [0, -1, 1, 0, -1]


def test_two_sides_share_their_codes():
    queries, corpus = group_codes(["x", None], ["y", "x", "z"])
    assert (queries.tolist(), corpus.tolist()) == ([0, -1], [1, 0, 2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"], "groups mix integers and strings (1 and 'a'): give one kind"),
        ([1.5], "group 1.5 is a float: give integers or strings, and None"),
        ([True], "group True is a bool: give integers or strings"),
        ([["a"]], "group ['a'] is a list: give integers or strings"),
    ],
)
def test_what_is_no_group(values, message):
    with pytest.raises(InputError, match=re.escape(message)):
        group_codes(values)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "guards.same_group is 'never-negative', but no groups are given"),
        (np.zeros(3, np.int64), "groups are int64 of shape (3,): give an int64 code for each of 2 rows"),
        (np.zeros(2, np.int32), "groups are int32 of shape (2,)"),
    ],
)
def test_groups_of_other_rows(groups, message):
    table = NeighbourTable(np.array([[1], [0]]), np.ones((2, 1), np.float32))
    rule = MiningRule(guards=Guards(same_group="never-negative"))
    with pytest.raises(InputError, match=re.escape(message)):
        mine(table, encode_labels([0, 1]), rule, groups=groups)
