"""Candidates are measured again by float32 differences, and ordered by (distance, id)."""

import numpy as np
import pytest
from tripletmine.mining.graphs.remeasure import remeasure
from tripletmine.mining.neighbours import NO_ROW


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_all_rows_as_candidates_give_the_oracles_table(grid, oracle, threads: int, dtype: type) -> None:
    candidates = np.tile(np.random.default_rng(0).permutation(len(grid)).astype(dtype), (len(grid), 1))
    found = remeasure(
        grid, grid, candidates, query_ids=np.arange(150) + 40, neighbours=12, first_id=40, threads=threads
    )
    expected = oracle(grid, 12, first_id=40)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


def test_ids_beyond_int32_are_kept_whole(grid) -> None:
    first_id = 2**31 + 5
    query_ids = np.array([first_id + 3], np.int64)
    found = remeasure(
        grid[3:4], grid, np.array([[3, 9, -1, 149]]), query_ids=query_ids, neighbours=4, first_id=first_id
    )
    assert sorted(found.ids[0, :2]) == [first_id + 9, first_id + 149]
    np.testing.assert_array_equal(found.ids[0, 2:], NO_ROW)
    np.testing.assert_array_equal(found.sq_distances[0, 2:], np.inf)


def test_no_candidate_at_all_gives_pads(grid) -> None:
    none = np.full((2, 3), -1)
    found = remeasure(grid[:2], grid, none, query_ids=np.arange(2), neighbours=2)
    np.testing.assert_array_equal(found.ids, NO_ROW)
    np.testing.assert_array_equal(found.sq_distances, np.inf)


def test_close_rows_far_from_the_origin_keep_their_distance() -> None:
    """|q|² + |x|² − 2 q·x would give 0 or garbage here."""
    x = np.full((2, 8), 1000.0, np.float32)
    x[1, 0] += 0.125
    found = remeasure(x, x, np.array([[1], [0]]), query_ids=np.arange(2), neighbours=1)
    np.testing.assert_array_equal(found.sq_distances, [[0.015625], [0.015625]])
