"""Exact search finds the least (distance, id), whatever the blocks, the threads and the rounding of products."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.exact.propose import BlockShape
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable


def search_all(x: np.ndarray, neighbours: int, **options) -> NeighbourTable:
    options = {"threads": 1, **options}
    return exact.build(x).search(x, query_ids=np.arange(len(x)), neighbours=neighbours, **options)


@settings(deadline=None)  # the first call compiles
@given(
    rows=st.integers(1, 40), width=st.integers(1, 6), neighbours=st.integers(1, 45), seed=st.integers(0, 20)
)
def test_small_sets_with_many_ties_are_met_exactly(oracle, rows, width, neighbours, seed) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, (rows, width)).astype(np.float32)
    found, expected = search_all(x, neighbours), oracle(x, neighbours)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


def test_blocks_and_threads_do_not_show(clustered, clustered_exact, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search_all(clustered, 20)
    agree = (whole.ids == clustered_exact.ids).mean()
    assert agree > 0.9999, f"{agree:.6f} of the places agree with float64"
    np.testing.assert_allclose(whole.sq_distances, clustered_exact.sq_distances, rtol=1e-5)
    monkeypatch.setattr(exact, "_FLOAT32_BLOCK", BlockShape(queries=77, rows=130))
    for threads in (1, 2, 4):
        blocks = search_all(clustered, 20, threads=threads)
        np.testing.assert_array_equal(blocks.ids, whole.ids)
        np.testing.assert_array_equal(blocks.sq_distances, whole.sq_distances)


def test_more_equal_rows_than_candidates_are_kept_are_ordered_by_id(oracle) -> None:
    x = np.zeros((400, 3), np.float32)
    x[::7] = 1.0
    found, expected = search_all(x, 5), oracle(x, 5)
    np.testing.assert_array_equal(found.ids, expected.ids)


def test_rows_that_the_sample_takes_for_far_are_still_found() -> None:
    """Hundreds of equal rows at each of eight places: the limit that a sample sets is 0, and no row is below it."""
    places = np.random.default_rng(3).integers(0, 8, 2500)
    x = np.eye(8, dtype=np.float32)[places]
    found = search_all(x, 4)
    for place in range(8):
        rows = np.flatnonzero(places == place)
        expected = [[row for row in rows[:5] if row != own][:4] for own in rows]
        np.testing.assert_array_equal(found.ids[rows], expected)


def test_rows_far_from_the_origin_are_told_apart() -> None:
    """At 10,000 from the origin, products are off by more than the distances differ."""
    x = np.zeros((3000, 4), np.float32)
    x[:, 0] = 1e4
    x[1:, 1] = np.random.default_rng(0).permutation(2999) / 64.0
    x[0, 2] = 1e4  # moves the mean, so that centring alone does not help
    found = search_all(x, 2)
    order = np.argsort(x[1:, 1]) + 1
    rank = np.empty(3000, int)
    rank[order] = np.arange(2999)
    inner = order[1:-1]
    np.testing.assert_array_equal(np.sort(rank[found.ids[inner]], axis=1), rank[inner][:, None] + [-1, 1])
    np.testing.assert_array_equal(found.sq_distances[inner], np.float32(1 / 64.0) ** 2)


def test_queries_of_another_part_keep_all_their_neighbours(grid, oracle) -> None:
    part, rest = grid[:90], grid[90:]
    index = exact.build(part, first_id=1000)
    found = index.search(rest, query_ids=np.arange(len(rest)), neighbours=7, threads=2)
    expected = oracle(part, 7, queries=rest, query_ids=np.arange(len(rest)), first_id=1000)
    np.testing.assert_array_equal(found.ids, expected.ids)


def test_one_row_has_no_neighbour() -> None:
    found = search_all(np.ones((1, 3), np.float32), 2)
    np.testing.assert_array_equal(found.ids, [[NO_ROW, NO_ROW]])


def test_a_budget_is_met_by_smaller_blocks_or_refused(clustered) -> None:
    whole = search_all(clustered, 20)
    np.testing.assert_array_equal(search_all(clustered, 20, memory_mib=2).ids, whole.ids)
    with pytest.raises(
        InputError, match=r"leaves 1 MiB to an exact search, which needs 1\.38 MiB.*raise memory_mib"
    ):
        search_all(clustered, 40, memory_mib=1)


def test_saved_and_loaded(tmp_path, grid) -> None:
    path = tmp_path / "index"
    exact.build(grid, first_id=3).save(path)
    index = exact.load(path, grid, first_id=3)
    found = index.search(grid, query_ids=np.arange(150) + 3, neighbours=4, threads=1)
    np.testing.assert_array_equal(found.ids, search_all(grid, 4).ids + 3)
    with pytest.raises(InputError, match=r"of shape \(150, 5\), and these have \(149, 5\)"):
        exact.load(path, grid[:149])
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(InputError, match="build it again"):
        exact.load(path, grid)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neighbours": 0}, "neighbours is 0 but must be at least 1"),
        ({"threads": 0}, "threads is 0"),
        ({"query_ids": np.arange(150, dtype=np.int32)}, "dtype int32.*one int64 for each of the 150"),
        ({"query_ids": np.arange(149)}, r"shape \(149,\)"),
        ({"queries": np.ones((150, 4), np.float32)}, "index holds vectors of width 5"),
        ({"queries": np.ones((150, 5))}, "float32"),
        ({"memory_mib": 0}, "memory_mib leaves 0 MiB"),
    ],
)
def test_what_does_not_fit_is_refused(grid, change: dict, message: str) -> None:
    arguments = {"queries": grid, "query_ids": np.arange(150), "neighbours": 3, "threads": 1, **change}
    with pytest.raises(InputError, match=message):
        exact.build(grid).search(**arguments)
    with pytest.raises(InputError, match="as_vectors"):
        exact.build(grid.astype(np.float64))
