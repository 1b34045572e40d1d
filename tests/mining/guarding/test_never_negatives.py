"""Pairs that are never negatives: how they are listed, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.guarding.never_negatives import pair_lists
from tripletmine.mining.labels import encode_labels
from tripletmine.mining.miner import mine
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.rule import MiningRule

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


@given(PAIRS)
def test_a_pair_holds_in_both_directions_and_once(pairs):
    pairs = [(a, b) for a, b in pairs if a != b]
    lists = pair_lists(np.array(pairs, np.int64).reshape(-1, 2), 7)
    expected = {*pairs, *((b, a) for a, b in pairs)}
    found = [
        (row, int(partner))
        for row in range(7)
        for partner in lists.partners[lists.starts[row] : lists.starts[row + 1]]
    ]
    assert found == sorted(expected)
    left, right = np.divmod(np.arange(49), 7)
    assert lists.has(left, right).tolist() == [(a, b) in expected for a in range(7) for b in range(7)]


@given(PAIRS)
def test_between_two_sets_a_pair_has_a_direction(pairs):
    lists = pair_lists(np.array(pairs, np.int64).reshape(-1, 2), 7, others=9)
    left, right = np.divmod(np.arange(63), 9)
    assert lists.has(left, right).tolist() == [(a, b) in set(pairs) for a in range(7) for b in range(9)]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0.0, 1.0]], "never_negatives are float64 of shape (1, 2): give integers of shape (M, 2)"),
        ([0, 1], "of shape (2,): give integers of shape (M, 2)"),
        ([[0, 1], [3, 4]], "never_negatives[1] is [3, 4], but there are 4 rows: number them from 0 to 3"),
        ([[-1, 2]], "never_negatives[0] is [-1, 2], but there are 4 rows"),
        ([[1, 2], [2, 2]], "never_negatives[1] pairs row 2 with itself: leave it out"),
    ],
)
def test_bad_pairs(pairs, message):
    with pytest.raises(InputError, match=re.escape(message)):
        pair_lists(pairs, 4)


def test_lists_of_other_rows():
    table = NeighbourTable(np.array([[1], [0]]), np.ones((2, 1), np.float32))
    with pytest.raises(InputError, match="list 3 rows, but there are 2 labels"):
        mine(table, encode_labels([0, 1]), MiningRule(), never_negatives=pair_lists([[0, 2]], 3))
