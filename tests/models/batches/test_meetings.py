"""Counts of the mined triplets that a batch holds whole, compared with a loop over all triplets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.models.batches.meetings import Meetings, MinedSet

ROWS = 12

triplets = st.lists(
    st.tuples(*3 * [st.integers(0, ROWS - 1)]).filter(lambda each: len({*each}) == 3),
    max_size=60,
    unique=True,
)
batches = st.lists(
    st.lists(st.integers(0, ROWS - 1), unique=True, max_size=ROWS).map(lambda rows: np.array(rows, np.int64)),
    max_size=6,
)


def by_anchor(found, dtype=np.int64):
    ordered = sorted(found)
    starts = np.searchsorted([a for a, *_ in ordered], np.arange(ROWS + 1))
    return MinedSet(starts, np.array([each[1:] for each in ordered], dtype).reshape(-1, 2))


@settings(max_examples=200, deadline=None)
@given(triplets, batches, st.sampled_from([np.int32, np.int64]))
def test_as_a_loop_over_all_triplets_counts(found, batches, dtype):
    meetings, met = Meetings(by_anchor(found, dtype)), set()
    for rows in batches:
        whole = {each for each in found if {*each} <= {*rows.tolist()}}
        met |= whole
        assert meetings.see(rows) == len(whole)
        assert meetings.distinct == len(met)


@pytest.mark.parametrize("count", [7, 8, 9])
def test_every_triplet_has_a_bit_of_its_own(count):
    found = [(0, 1, n) for n in range(2, 2 + count)]
    meetings = Meetings(by_anchor(found))
    for met, n in enumerate(range(2, 2 + count)):
        assert meetings.distinct == met
        assert meetings.see(np.array([n, 0, 1])) == 1
        assert meetings.see(np.array([0, 1, n])) == 1
    assert meetings.distinct == count
