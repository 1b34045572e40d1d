"""The whole traverse-add graph: its invariants, its recall, and that it repeats bit for bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.parameters import TraverseAddParameters
from tripletmine.mining.graphs.recall import recall_at_k
from tripletmine.mining.graphs.traverse import build as traverse_add
from tripletmine.mining.graphs.traverse.build import TraverseAddIndex
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable

SMALL = TraverseAddParameters.for_neighbours(20)


def search_all(index: TraverseAddIndex, x: np.ndarray, neighbours: int, **options) -> NeighbourTable:
    ids = np.arange(len(x)) + index.first_id
    return index.search(x, query_ids=ids, neighbours=neighbours, **{"threads": 2, **options})


def drifted(x: np.ndarray, amount: float) -> np.ndarray:
    y = x + amount * np.random.default_rng(99).standard_normal(x.shape) / np.sqrt(x.shape[1])
    return (y / np.linalg.norm(y, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def graph(clustered) -> TraverseAddIndex:
    return traverse_add.build(clustered, parameters=SMALL, seed=3, threads=2)


def test_it_finds_nearly_all_neighbours(graph, clustered, clustered_exact) -> None:
    recall = recall_at_k(search_all(graph, clustered, 20), clustered_exact)
    assert recall > 0.99, f"recall {recall:.4f}"


def test_tight_clusters_are_left_again() -> None:
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((400, 32))
    x = np.repeat(centres, 16, axis=0) + 0.3 * rng.standard_normal((6400, 32))
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    truth = exact.build(x).search(x, query_ids=np.arange(6400), neighbours=64, threads=2)
    index = traverse_add.build(x, parameters=TraverseAddParameters.for_neighbours(64), threads=2)
    recall = recall_at_k(search_all(index, x, 64), truth)
    assert recall > 0.982, f"recall {recall:.4f}"  # 0.978 without reversed edges


@pytest.mark.parametrize("trees", [0, 4])
def test_no_edge_is_occluded_by_a_shorter_one_and_degrees_are_bounded(clustered, trees: int) -> None:
    parameters = replace(SMALL, trees=trees, walks=8, max_degree=12)
    edges = traverse_add.build(clustered, parameters=parameters).edges
    assert edges.shape == (3000, 12)
    x = clustered.astype(np.float64)
    slack = 1e-6  # edges were chosen in float32
    for p in range(0, 3000, 7):
        mine = edges[p][edges[p] >= 0]
        assert len(set(mine.tolist())) == len(mine) > 0
        assert p not in mine
        length = np.square(x[mine] - x[p]).sum(axis=1)
        assert (np.diff(length) >= -slack).all(), "edges ascend in length"
        between = np.square(x[mine][:, None] - x[mine][None]).sum(axis=2)
        shorter = length[:, None] < length[None, :] - slack
        occluding = shorter & (between < length[None, :] - slack)
        assert not occluding.any(), f"vertex {p}: edge to {mine[occluding.any(axis=0)]} is occluded"


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_same_bits_at_any_number_of_threads(graph, clustered, tmp_path: Path, threads: int) -> None:
    other = traverse_add.build(clustered, parameters=SMALL, seed=3, threads=threads)
    graph.save(tmp_path / "two")
    other.save(tmp_path / "other")
    assert (tmp_path / "two").read_bytes() == (tmp_path / "other").read_bytes()
    one, many = (search_all(graph, clustered, 20, threads=t) for t in (1, threads))
    np.testing.assert_array_equal(one.ids, many.ids)
    np.testing.assert_array_equal(one.sq_distances, many.sq_distances)


def test_another_seed_is_another_graph(graph, clustered) -> None:
    assert (traverse_add.build(clustered, parameters=SMALL, seed=4).edges != graph.edges).any()


def test_walks_make_more_walks_arrive_and_end_when_enough_do(clustered) -> None:
    def built(**changes) -> traverse_add.TraverseAddReport:
        return traverse_add.build(clustered, parameters=replace(SMALL, **changes)).report

    none, some = built(walks=0), built(walks=6, arrive=1.0)
    assert (none.walks, some.walks) == (0, 18000)
    assert none.arrived + 0.1 < some.arrived, f"{none.arrived:.3f} without walks, {some.arrived:.3f} with"
    soon = built(walks=6, arrive=0.05)
    assert soon.walks == 750, "one batch of N/4 was enough"


def test_the_papers_way_from_an_empty_graph_arrives_too(clustered, clustered_exact) -> None:
    parameters = replace(SMALL, trees=0, walks=50)
    graph = traverse_add.build(clustered, parameters=parameters, threads=2)
    assert graph.report.walks < 50 * 3000, "0.9 of the walks arrive before 50 N have been made"
    recall = recall_at_k(search_all(graph, clustered, 20), clustered_exact)
    assert recall > 0.98, f"recall {recall:.4f}, {graph.report}"


def test_a_warm_start_is_as_good_with_few_walks(graph, clustered) -> None:
    moved = drifted(clustered, 0.2)
    truth = exact.build(moved).search(moved, query_ids=np.arange(3000), neighbours=20, threads=2)
    before = search_all(graph, clustered, 20)
    stale = np.mean([len(np.intersect1d(a, b)) for a, b in zip(before.ids, truth.ids, strict=True)]) / 20
    assert 0.5 < stale < 0.9, f"{1 - stale:.2f} of the neighbours changed"
    for table in (None, before):
        warm = traverse_add.build(moved, parameters=SMALL, threads=2, warm_start=graph, warm_table=table)
        assert warm.report.warm
        assert warm.report.walks == 1500
        recall = recall_at_k(search_all(warm, moved, 20), truth)
        assert recall > 0.98, f"recall {recall:.4f} with a table: {table is not None}"
    again = traverse_add.build(moved, parameters=SMALL, threads=4, warm_start=graph, warm_table=before)
    np.testing.assert_array_equal(again.edges, warm.edges)
    np.testing.assert_array_equal(again.candidates, warm.candidates)


def test_edges_that_lead_far_survive_many_warm_starts(clustered) -> None:
    def arrived(warm_walks: int) -> float:
        parameters = replace(SMALL, warm_walks=warm_walks)
        graph, x = traverse_add.build(clustered, parameters=parameters, threads=2), clustered
        for epoch in range(4):
            table = search_all(graph, x, 20)
            x = drifted(x, 0.2)
            graph = traverse_add.build(
                x, parameters=parameters, seed=epoch, threads=2, warm_start=graph, warm_table=table
            )
        return graph.report.arrived

    without, walked = arrived(0), arrived(1)
    assert without + 0.05 < walked, f"{without:.3f} of the walks arrive without, {walked:.3f} with walks"


def test_a_warm_table_of_all_parts_serves_one_part(clustered) -> None:
    part = clustered[1000:2000]
    previous = traverse_add.build(part, parameters=SMALL, first_id=1000)
    whole = exact.build(clustered).search(part, query_ids=np.arange(1000, 2000), neighbours=20, threads=1)
    warm = traverse_add.build(part, parameters=SMALL, first_id=1000, warm_start=previous, warm_table=whole)
    truth = exact.build(part, first_id=1000).search(
        part, query_ids=np.arange(1000, 2000), neighbours=20, threads=1
    )
    recall = recall_at_k(search_all(warm, part, 20), truth)
    assert recall > 0.99, f"recall {recall:.4f}"


def test_a_warm_start_is_given_up_where_the_vectors_have_moved_far(graph, clustered) -> None:
    table = search_all(graph, clustered, 20)
    near, far = drifted(clustered, 0.1), np.roll(clustered, 1, axis=0)
    options = {"parameters": SMALL, "seed": 3, "warm_start": graph, "warm_table": table}
    assert traverse_add.build(near, **options).report.warm
    started_cold = traverse_add.build(far, **options)
    assert not started_cold.report.warm
    np.testing.assert_array_equal(started_cold.edges, traverse_add.build(far, parameters=SMALL, seed=3).edges)


def test_a_warm_start_of_other_rows_is_refused(graph, clustered) -> None:
    with pytest.raises(InputError, match="has 3000 vertices, and the vectors are 2999 rows: start cold"):
        traverse_add.build(clustered[:2999], warm_start=graph)
    table = search_all(graph, clustered, 3)
    short = NeighbourTable(table.ids[:10], table.sq_distances[:10])
    with pytest.raises(InputError, match="table to start from has 10 rows"):
        traverse_add.build(clustered, warm_start=graph, warm_table=short)


def test_queries_from_outside_find_their_neighbours(graph, clustered) -> None:
    queries = drifted(clustered, 0.5)[:300]
    ids = np.arange(300) + 10**10
    truth = exact.build(clustered).search(queries, query_ids=ids, neighbours=20, threads=1)
    found = graph.search(queries, query_ids=ids, neighbours=20, threads=2)
    recall = recall_at_k(found, truth)
    assert recall > 0.95, f"recall {recall:.4f}"


def test_saved_and_loaded_with_ids_beyond_int32(graph, clustered, tmp_path: Path) -> None:
    graph.save(tmp_path / "graph")
    loaded = traverse_add.load(tmp_path / "graph", clustered, first_id=2**33, parameters=SMALL)
    assert loaded.report == graph.report
    found, expected = search_all(loaded, clustered, 20), search_all(graph, clustered, 20)
    np.testing.assert_array_equal(found.ids, expected.ids + 2**33)


def test_a_broken_file_or_one_of_other_vectors_is_refused(graph, clustered, tmp_path: Path) -> None:
    path = tmp_path / "graph"
    graph.save(path)
    with pytest.raises(
        InputError, match="graph of 3000 rows of width 16, and these vectors are 7 of width 16"
    ):
        traverse_add.load(path, clustered[:7])
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (whole[: len(whole) // 2], b"", b"not a graph at all", bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="not a whole traverse_add graph"):
            traverse_add.load(path, clustered)


@pytest.mark.parametrize("rows", [1, 2, 3, 30])
def test_small_sets_are_searched_whole(grid, oracle, rows: int) -> None:
    graph = traverse_add.build(grid[:rows], parameters=SMALL)
    found, expected = search_all(graph, grid[:rows], 20), oracle(grid[:rows], 20)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)
    assert ((found.ids == NO_ROW) == (expected.ids == NO_ROW)).all()


def test_all_rows_equal() -> None:
    x = np.ones((700, 4), np.float32)
    found = search_all(traverse_add.build(x, parameters=SMALL), x, 20)
    np.testing.assert_array_equal(found.sq_distances, 0.0)
    assert all(len(set(row.tolist())) == 20 for row in found.ids)


def test_many_copies_of_every_row_do_not_hide_the_rest(clustered) -> None:
    """More copies than a vertex has edges, fewer than the neighbours wanted."""
    x = np.repeat(clustered[:100], 15, axis=0)
    parameters = replace(SMALL, max_degree=10)
    truth = exact.build(x).search(x, query_ids=np.arange(1500), neighbours=20, threads=2)
    recall = recall_at_k(search_all(traverse_add.build(x, parameters=parameters), x, 20), truth)
    assert recall > 0.97, f"recall {recall:.4f}"


def test_a_graph_in_pieces_is_searched_exactly_where_it_falls_short(clustered) -> None:
    """No walks, few edges, clusters far apart and smaller than K: the graph alone cannot leave them."""
    rng = np.random.default_rng(0)
    x = (np.repeat(np.eye(16), 15, axis=0) * 50 + rng.standard_normal((240, 16))).astype(np.float32)
    parameters = replace(SMALL, walks=0, trees=1, max_degree=2, candidates=4)
    found = search_all(traverse_add.build(x, parameters=parameters), x, 20)
    truth = exact.build(x).search(x, query_ids=np.arange(240), neighbours=20, threads=1)
    assert (found.ids != NO_ROW).all()
    recall = recall_at_k(found, truth)
    assert recall > 0.8, f"recall {recall:.4f}"


def test_memory_budgets_are_met_or_refused(graph, clustered) -> None:
    np.testing.assert_array_equal(
        search_all(graph, clustered, 20, memory_mib=1).ids, search_all(graph, clustered, 20).ids
    )
    with pytest.raises(InputError, match=r"leaves 1 MiB to a traverse_add search, which needs \d\.\d+ MiB"):
        search_all(graph, clustered, 20, memory_mib=1, threads=60)
    with pytest.raises(InputError, match=r"building a traverse_add graph, which needs 2\.37 MiB"):
        traverse_add.build(clustered, parameters=SMALL, memory_mib=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_degree": 0}, "max_degree is 0 but must be at least 2: raise it"),
        ({"walks": -1}, "walks is -1 but must be at least 0"),
        ({"warm_walks": -1}, "warm_walks is -1"),
        ({"arrive": 0.0}, r"arrive is 0\.0 but must be above 0"),
        ({"arrive": 1.5}, r"arrive is 1\.5"),
        ({"trees": 0, "walks": 0}, "both 0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TraverseAddParameters(**change)


def test_keeping_fewer_than_the_neighbours_is_refused(graph, clustered) -> None:
    with pytest.raises(
        InputError, match=r"keep is 32, fewer than the 33 neighbours wanted: raise keep to at least 33"
    ):
        search_all(graph, clustered, 33)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("edges", lambda edges: edges + 3000),
        ("candidates", lambda candidates: candidates - 5),
        ("candidates", lambda candidates: candidates[:10]),
        ("order", np.zeros_like),
        ("edges", lambda edges: edges.astype(np.int64)),
    ],
)
def test_a_file_whose_ids_lead_nowhere_is_refused(
    graph, clustered, tmp_path: Path, name: str, change
) -> None:
    graph.save(tmp_path / "graph")
    with np.load(tmp_path / "graph") as stored:
        arrays = dict(stored)
    with (tmp_path / "graph").open("wb") as file:
        np.savez(file, **{**arrays, name: change(arrays[name])})
    with pytest.raises(InputError, match="build it again"):
        traverse_add.load(tmp_path / "graph", clustered)
