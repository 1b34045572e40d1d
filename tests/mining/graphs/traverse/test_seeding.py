"""Leaves of random trees put near rows together."""

import numpy as np
import pytest
from tripletmine.mining.graphs.traverse.seeding import leaf_order, seed_candidates


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_same_at_any_number_of_threads(clustered, threads: int) -> None:
    one = seed_candidates(clustered, trees=3, keep=12, seed=5, threads=1)
    other = seed_candidates(clustered, trees=3, keep=12, seed=5, threads=threads)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (seed_candidates(clustered, trees=3, keep=12, seed=6, threads=1)[0] != one[0]).any()


def test_candidates_are_near_distinct_and_ascending(clustered, clustered_exact) -> None:
    candidates, order = seed_candidates(clustered, trees=4, keep=10, seed=0, threads=2)
    np.testing.assert_array_equal(np.sort(order), np.arange(3000))
    for p in range(0, 3000, 10):
        rows = candidates[p]
        assert p not in rows
        assert len(set(rows.tolist())) == 10
        assert (np.diff(np.square(clustered[rows] - clustered[p]).sum(axis=1)) >= -1e-6).all()
    hits = np.mean(
        [len(np.intersect1d(a, b)) for a, b in zip(candidates, clustered_exact.ids[:, :10], strict=True)]
    )
    assert hits > 4, f"{hits:.2f} of the 10 nearest are among 10 candidates; leaves at random would hold 0.3"


def test_near_rows_are_near_in_the_order(clustered, clustered_exact) -> None:
    _, order = seed_candidates(clustered, trees=1, keep=4, seed=0, threads=1)
    place = np.empty(3000)
    place[order] = np.arange(3000)
    apart = np.abs(place - place[clustered_exact.ids[:, 0]])
    assert np.median(apart) < 300, (
        f"the nearest row is {np.median(apart):.0f} places away; at random it is about 900"
    )


def test_a_set_smaller_than_a_leaf_is_joined_whole(grid) -> None:
    candidates, _ = seed_candidates(grid[:5], trees=2, keep=8, seed=0, threads=1)
    for p in range(5):
        assert sorted(candidates[p]) == [-1] * 4 + [q for q in range(5) if q != p]


def test_without_trees_there_are_no_candidates(grid) -> None:
    candidates, order = seed_candidates(grid, trees=0, keep=4, seed=0, threads=1)
    assert (candidates == -1).all()
    np.testing.assert_array_equal(order, np.arange(len(grid)))


def test_an_order_of_vectors_alone(clustered, clustered_exact) -> None:
    orders = [leaf_order(clustered, threads=threads) for threads in (1, 3)]
    np.testing.assert_array_equal(orders[0], orders[1])
    place = np.empty(3000)
    place[orders[0]] = np.arange(3000)
    assert np.median(np.abs(place - place[clustered_exact.ids[:, 0]])) < 300
