from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tripletmine.models.batches.decks import Decks
from tripletmine.models.row_classes import RowClasses
from tripletmine.models.seeds import numpy_generator


@given(st.integers(1, 12), st.lists(st.integers(1, 12), max_size=40), st.integers(0, 99))
def test_a_deal_has_no_repetition_and_every_item_is_dealt_equally_often_give_or_take_one(size, deals, seed):
    deck = Decks.single(np.arange(100, 100 + size), numpy_generator(seed))
    seen = Counter(dict.fromkeys(range(100, 100 + size), 0))
    for count in deals:
        dealt = deck.deal(0, count).tolist()
        assert len(dealt) == len(set(dealt)) == min(count, size)
        seen.update(dealt)
        assert max(seen.values()) - min(seen.values()) <= 1


def test_a_small_deck_does_not_come_in_the_same_halves():
    deck = Decks.single(np.arange(4), numpy_generator(0))
    halves = {frozenset(deck.deal(0, 2).tolist()) for _ in range(60)}
    assert len(halves) == 6


def test_decks_do_not_mix():
    rows, starts = RowClasses(np.array([1, 0, 1, 3, 0, 1], np.int32)).rows_by_class()
    np.testing.assert_array_equal(starts, [0, 2, 5, 5, 6])
    decks = Decks(rows, starts, numpy_generator(0))
    for _ in range(5):
        assert set(decks.deal(0, 2).tolist()) == {1, 4}
        assert set(decks.deal(1, 9).tolist()) == {0, 2, 5}
        assert decks.deal(2, 3).tolist() == []
        assert decks.deal(3, 1).tolist() == [3]


def test_a_dealt_array_is_not_changed_by_later_shuffles():
    deck = Decks.single(np.arange(50), numpy_generator(0))
    dealt = [deck.deal(0, 15) for _ in range(3)]
    kept = [items.copy() for items in dealt]
    for _ in range(5):
        deck.deal(0, 30)
    np.testing.assert_array_equal(dealt, kept)
