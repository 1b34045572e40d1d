"""Cells find exactly the nearest of the rows in a row's cells, whatever the blocks, threads and rounding."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.cells import index as cells
from tripletmine.mining.graphs.cells import partition, probing
from tripletmine.mining.graphs.cells.effort import calibrate_probes
from tripletmine.mining.graphs.cells.index import CellsIndex
from tripletmine.mining.graphs.cells.rows import map_rows, write_rows
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.parameters import CellsParameters
from tripletmine.mining.graphs.recall import draw_sample, recall_at_k
from tripletmine.mining.neighbours import NeighbourTable

SMALL = CellsParameters(cell_rows=20, probes=6)


def rows_of(x: np.ndarray) -> np.ndarray:
    return np.arange(len(x), dtype=np.int64)


def search_all(index: CellsIndex, x: np.ndarray, neighbours: int, **options) -> NeighbourTable:
    return index.search(x, query_ids=rows_of(x), neighbours=neighbours, **{"threads": 1, **options})


def same(found: NeighbourTable, expected: NeighbourTable) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


def by_plain_loops(index: CellsIndex, x: np.ndarray, neighbours: int) -> np.ndarray:
    """Ids of the nearest rows in the nearest cells, by float64 differences."""
    centres, cell_of = index.partition.centres.astype(np.float64), index.partition.cell_of
    wide, ids = x.astype(np.float64), []
    for row, vector in enumerate(wide):
        to_centres = ((centres - vector) ** 2).sum(axis=1)
        near = np.lexsort((np.arange(len(centres)), to_centres))[: index.parameters.probes]
        inside = np.flatnonzero(np.isin(cell_of, near) & (np.arange(len(x)) != row))
        to_rows = ((wide[inside] - vector) ** 2).sum(axis=1)
        ids.append(inside[np.lexsort((inside, to_rows))][:neighbours])
    return np.array(ids)


def test_it_finds_exactly_the_nearest_of_the_rows_in_the_nearest_cells(clustered) -> None:
    x = clustered[:800]
    index = cells.build(x, parameters=SMALL)
    assert 20 < len(index.partition.centres) <= 60
    agree = (search_all(index, x, 20).ids == by_plain_loops(index, x, 20)).mean()
    assert agree > 0.999, f"{agree:.5f} of the places agree with float64"


@pytest.mark.parametrize("scale", [1.0, 1e-3, 300.0])
def test_the_probes_that_the_sample_needs_reach_the_target(clustered, clustered_exact, scale: float) -> None:
    x = (clustered * np.float32(scale)).astype(np.float32)
    sample = draw_sample(x, 20)
    found = calibrate_probes(cells.build(x, parameters=SMALL), sample, recall_target=0.98)
    assert found.reached
    ((probes, share),) = found.tried
    assert share == found.recall >= 0.98
    assert 2 < probes < 60
    recall = recall_at_k(search_all(found.index, x, 20), exact_of(x, 20))
    assert abs(recall - share) < 0.01, f"recall {recall:.4f}, promised {share:.4f}"
    fewer = found.index.with_parameters(CellsParameters(cell_rows=20, probes=probes - 1))
    on_sample = fewer.search(sample.queries, query_ids=sample.rows, neighbours=20, threads=1)
    assert recall_at_k(on_sample, sample.truth) < 0.98


def exact_of(x: np.ndarray, neighbours: int) -> NeighbourTable:
    return exact.build(x).search(x, query_ids=rows_of(x), neighbours=neighbours, threads=1)


def test_blocks_threads_and_budgets_do_not_show(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search_all(cells.build(clustered, parameters=SMALL), clustered, 20)
    monkeypatch.setattr(cells, "_QUERY_ROWS", 77)
    for threads in (1, 2, 4):
        index = cells.build(clustered, parameters=SMALL, threads=threads)
        same(search_all(index, clustered, 20, threads=threads), whole)
    same(search_all(index, clustered, 20, memory_mib=4), whole)
    with pytest.raises(
        InputError, match=r"leaves 1 MiB to a search of cells, which needs 1\.38 MiB.*raise memory_mib"
    ):
        search_all(index, clustered, 40, memory_mib=1)


def test_any_order_and_any_share_of_the_queries_gives_the_same(clustered) -> None:
    index = cells.build(clustered, parameters=SMALL)
    whole = search_all(index, clustered, 20)
    some = np.random.default_rng(0).permutation(3000)[:500].astype(np.int64)
    found = index.search(np.ascontiguousarray(clustered[some]), query_ids=some, neighbours=20, threads=1)
    same(found, NeighbourTable(whole.ids[some], whole.sq_distances[some]))


@pytest.mark.parametrize("listed", [12, 30])
def test_rows_choose_among_the_cells_listed_for_their_own(
    clustered, clustered_exact, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with more than LISTED cells."""
    free = search_all(cells.build(clustered, parameters=SMALL), clustered, 20)
    monkeypatch.setattr(probing, "LISTED", listed)
    index = cells.build(clustered, parameters=SMALL)
    assert index.probing.lists is not None
    assert index.probing.lists.shape == (len(index.partition.centres), listed)
    found = search_all(index, clustered, 20)
    assert recall_at_k(found, clustered_exact) > recall_at_k(free, clustered_exact) - 0.02
    for threads in (2, 4):
        same(search_all(cells.build(clustered, parameters=SMALL, threads=threads), clustered, 20), found)


@settings(deadline=None)  # the first call compiles
@given(
    rows=st.integers(1, 60), width=st.integers(1, 6), neighbours=st.integers(1, 70), seed=st.integers(0, 20)
)
def test_a_search_of_all_cells_of_small_sets_with_many_ties_is_exact(
    oracle, rows, width, neighbours, seed
) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, (rows, width)).astype(np.float32)
    index = cells.build(x, parameters=CellsParameters(cell_rows=8, probes=60), seed=seed)
    same(search_all(index, x, neighbours), oracle(x, neighbours))


@settings(deadline=None)
@given(rows=st.integers(1, 60), neighbours=st.integers(1, 70), seed=st.integers(0, 20))
def test_a_row_short_of_neighbours_in_its_cells_gets_all_there_are(oracle, rows, neighbours, seed) -> None:
    x = np.random.default_rng(seed).integers(-3, 4, (rows, 2)).astype(np.float32)
    found = search_all(cells.build(x, parameters=CellsParameters(cell_rows=8, probes=1)), x, neighbours)
    expected = oracle(x, neighbours)
    np.testing.assert_array_equal(found.ids >= 0, expected.ids >= 0)
    whole = (expected.ids[:, -1] < 0) | (neighbours >= rows - 1)
    np.testing.assert_array_equal(found.ids[whole], expected.ids[whole])


def test_products_that_err_do_not_show(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a BLAS that sums in another order: the last bits of products differ, the table does not."""
    x = clustered[:1500] + np.float32(40)  # far from the origin, where products round the most
    whole = search_all(cells.build(x, parameters=SMALL), x, 20)
    dot, rng = np.dot, np.random.default_rng(5)

    def erring(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        found = dot(a, b, out=out)
        found *= 1 + rng.choice(np.array([-1, 0, 1], np.float32), found.shape) * np.float32(2.0**-22)
        return found

    monkeypatch.setattr(np, "dot", erring)
    same(search_all(cells.build(x, parameters=SMALL), x, 20), whole)


def test_more_equal_rows_than_a_cell_holds_are_cut_as_they_come() -> None:
    x = np.random.default_rng(5).normal(size=(1500, 8)).astype(np.float32)
    x[::3] = x[0]
    index = cells.build(x, parameters=SMALL)
    assert np.bincount(index.partition.cell_of).max() <= 3 * 20
    found = search_all(index, x, 10)
    np.testing.assert_array_equal(found.sq_distances[::3], 0.0)
    np.testing.assert_array_equal(found.sq_distances[::3], exact_of(x, 10).sq_distances[::3])
    assert all(len({*row, q}) == 11 for q, row in enumerate(found.ids.tolist()))
    every = cells.build(np.full((500, 3), 0.5, np.float32), parameters=SMALL)
    assert np.bincount(every.partition.cell_of).max() <= 60


def test_large_sets_are_divided_twice(clustered, clustered_exact, monkeypatch: pytest.MonkeyPatch) -> None:
    once = search_all(cells.build(clustered, parameters=SMALL), clustered, 20)
    monkeypatch.setattr(partition, "_MOST_CENTRES", 40)
    index = cells.build(clustered, parameters=SMALL)
    assert 100 < len(index.partition.centres) < 300
    twice = search_all(index, clustered, 20)
    assert recall_at_k(twice, clustered_exact) > recall_at_k(once, clustered_exact) - 0.05
    same(search_all(cells.build(clustered, parameters=SMALL, threads=4), clustered, 20, threads=4), twice)


def test_a_warm_start_takes_over_the_centres(clustered, clustered_exact) -> None:
    before = cells.build(clustered, parameters=SMALL)
    drifted = (clustered + np.random.default_rng(1).normal(0, 0.02, clustered.shape)).astype(np.float32)
    warm = cells.build(drifted, parameters=SMALL, warm_start=before.partition.centres)
    assert abs(len(warm.partition.centres) - len(before.partition.centres)) < 15
    assert (warm.partition.cell_of == before.partition.cell_of).mean() > 0.3
    recall = recall_at_k(search_all(warm, drifted, 20), exact_of(drifted, 20))
    cold = recall_at_k(search_all(cells.build(drifted, parameters=SMALL), drifted, 20), exact_of(drifted, 20))
    assert recall > cold - 0.01


def test_queries_of_another_part_keep_all_their_neighbours(grid, oracle) -> None:
    part, rest = grid[:90], grid[90:]
    index = cells.build(part, first_id=1000, parameters=CellsParameters(cell_rows=10, probes=90))
    found = index.search(rest, query_ids=rows_of(rest), neighbours=7, threads=2)
    same(found, oracle(part, 7, queries=rest, query_ids=rows_of(rest), first_id=1000))
    nobody = index.search(rest[:0], query_ids=rows_of(rest[:0]), neighbours=7, threads=2)
    assert len(nobody) == 0


def test_a_query_may_differ_from_the_row_that_has_its_id(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for questions and answers: the row that has the query's id is another vector."""
    monkeypatch.setattr(probing, "LISTED", 12)
    index = cells.build(clustered, parameters=CellsParameters(cell_rows=20, probes=12))
    turned = np.ascontiguousarray(clustered[::-1])
    found = search_all(index, turned, 20)
    true = exact.build(clustered).search(turned, query_ids=rows_of(turned), neighbours=20, threads=1)
    recall = recall_at_k(found, true)
    assert recall > 0.8, f"recall is {recall:.3f}"
    assert (found.ids != rows_of(turned)[:, None]).all()


def test_saved_and_loaded(tmp_path: Path, clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = tmp_path / "index", tmp_path / "other"
    for listed in (30, 1024):
        monkeypatch.setattr(probing, "LISTED", listed)
        index = cells.build(clustered, first_id=3, parameters=SMALL)
        index.save(path)
        cells.build(clustered, first_id=3, parameters=SMALL, threads=2).save(other)
        assert path.read_bytes() == other.read_bytes()
        loaded = cells.load(path, clustered, first_id=3, parameters=SMALL)
        found, expected = (
            each.search(clustered, query_ids=rows_of(clustered) + 3, neighbours=9, threads=1)
            for each in (loaded, index)
        )
        same(found, expected)
    with pytest.raises(InputError, match=r"of shape \(3000, 16\), and these have \(2999, 16\)"):
        cells.load(path, clustered[:2999])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is not an index of cells"):
        cells.load(path, clustered)


def test_rows_in_a_mapped_file_are_those_in_memory(tmp_path: Path, clustered) -> None:
    index = cells.build(clustered, parameters=SMALL)
    path = tmp_path / "rows"
    write_rows(path, clustered, index.partition)
    mapped = CellsIndex(
        map_rows(path), index.partition, index.probing.lists, first_id=0, parameters=index.parameters
    )
    same(search_all(mapped, clustered, 20), search_all(index, clustered, 20))
    rows = np.array([2999, 0, 17])
    assert np.array_equal(mapped.vectors_of(rows), clustered[rows])


@pytest.mark.parametrize("change", ["flipped", "cut", "empty", "longer"])
def test_a_damaged_file_of_rows_is_refused(tmp_path: Path, clustered, change: str) -> None:
    path = tmp_path / "rows"
    write_rows(path, clustered, cells.build(clustered, parameters=SMALL).partition)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= change == "flipped"
    kept = {"cut": len(content) // 3, "empty": 0}.get(change, len(content))
    path.write_bytes(content[:kept] + (b"0" if change == "longer" else b""))
    with pytest.raises(InputError, match="rows is damaged: write it again"):
        map_rows(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neighbours": 0}, "neighbours is 0 but must be at least 1"),
        ({"queries": np.ones((150, 4), np.float32)}, "index holds vectors of width 5"),
    ],
)
def test_what_does_not_fit_is_refused(grid, change: dict, message: str) -> None:
    arguments = {"queries": grid, "query_ids": rows_of(grid), "neighbours": 3, "threads": 1, **change}
    with pytest.raises(InputError, match=message):
        cells.build(grid).search(**arguments)
    with pytest.raises(InputError, match="memory_mib leaves 0 MiB"):
        cells.build(grid, memory_mib=0)
    with pytest.raises(InputError, match="cell_rows"):
        CellsParameters(cell_rows=2)
