"""A vertex keeps the edges that none of its shorter edges occludes."""

import numpy as np
import pytest
from tripletmine.mining.graphs.traverse.occlusion import add_edges, choose_edges, turn_round


def sq_distance(x: np.ndarray, a: int, b: int) -> float:
    return float(np.square(x[a] - x[b]).sum())


def occluded(x: np.ndarray, p: int, q: int, others: list[int]) -> bool:
    """The paper's definition, over integer coordinates, so that nothing is rounded."""
    return any(
        sq_distance(x, p, r) < sq_distance(x, p, q) and sq_distance(x, r, q) < sq_distance(x, p, q)
        for r in others
    )


def chosen_one_by_one(x: np.ndarray, p: int, candidates: list[int], limit: int) -> list[int]:
    """Copies of p first, in ring order and in half of the places at most; then the rest, nearest first."""
    copies = sorted(q for q in set(candidates) - {p, -1} if sq_distance(x, p, q) == 0)
    ring = [q for q in copies if q > p] + [q for q in copies if q < p]
    edges = sorted(ring[: (limit + 1) // 2])
    others = set(candidates) - {p, -1, *copies}
    for q in sorted(others, key=lambda q: (sq_distance(x, p, q), q)):
        if len(edges) < limit and not occluded(x, p, q, edges):
            edges.append(q)
    return edges


def added_one_by_one(x: np.ndarray, p: int, edges: list[int], q: int, limit: int) -> list[int]:
    if q in edges or occluded(x, p, q, edges):
        return edges
    kept = [e for e in edges if not occluded(x, p, e, [q])] + [q]
    return sorted(kept, key=lambda e: (sq_distance(x, p, e), e))[:limit]


def listed(edges: np.ndarray) -> list[int]:
    return [int(e) for e in edges if e >= 0]


def no_edges(rows: int, limit: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full((rows, limit), -1, np.int32), np.full((rows, limit), np.inf, np.float32)


@pytest.mark.parametrize("limit", [2, 5, 40])
def test_chosen_edges_are_the_definitions(grid, limit: int) -> None:
    rng = np.random.default_rng(limit)
    rows = len(grid)
    candidates = rng.integers(-1, rows, (rows, 30)).astype(np.int32)
    edges, lengths = no_edges(rows, limit)
    edges[:, 0] = rng.integers(0, rows, rows)
    edges[edges[:, 0] == np.arange(rows), 0] = -1
    given = [listed(candidates[p]) + listed(edges[p]) for p in range(rows)]
    choose_edges(grid, candidates, rng.permutation(rows).astype(np.int32), edges, lengths, 0, rows)
    for p in range(rows):
        expected = chosen_one_by_one(grid, p, given[p], limit)
        assert listed(edges[p]) == expected
        np.testing.assert_array_equal(
            lengths[p], [sq_distance(grid, p, q) for q in expected] + [np.inf] * (limit - len(expected))
        )


@pytest.mark.parametrize("limit", [2, 4, 40])
def test_added_edges_are_the_definitions_in_their_order(grid, limit: int) -> None:
    rng = np.random.default_rng(limit)
    sources = rng.integers(0, 20, 400).astype(np.int32)
    targets = rng.integers(20, 150, 400).astype(np.int32)
    expected: dict[int, list[int]] = {p: [] for p in range(20)}
    for p, q in zip(sources.tolist(), targets.tolist(), strict=True):
        expected[p] = added_one_by_one(grid, p, expected[p], q, limit)
    edges, lengths = no_edges(150, limit)
    order = np.argsort(sources, kind="stable")
    bounds = np.searchsorted(sources[order], np.arange(21))
    for start, stop in ((7, 20), (0, 7)):  # every source is in one group, so the order does not matter
        add_edges(grid, edges, lengths, order, sources, targets, bounds, start, stop)
    for p in range(20):
        assert listed(edges[p]) == expected[p]
        assert not any(occluded(grid, p, q, expected[p]) for q in expected[p])
        np.testing.assert_array_equal(
            lengths[p, : len(expected[p])], [sq_distance(grid, p, q) for q in expected[p]]
        )
    assert (edges[20:] == -1).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_turning_round_lists_the_shortest_edges_that_lead_to_each_vertex(threads: int) -> None:
    rng = np.random.default_rng(7)
    edges = np.full((40, 6), -1, np.int32)
    sq_lengths = np.full((40, 6), np.inf, np.float32)
    leading_to: dict[int, list[tuple[float, int]]] = {q: [] for q in range(40)}
    for p in range(40):
        ends = rng.choice(np.delete(np.arange(40), p), size=int(rng.integers(0, 7)), replace=False)
        lengths = np.sort(rng.integers(1, 9, len(ends))).astype(np.float32)
        edges[p, : len(ends)], sq_lengths[p, : len(ends)] = ends, lengths
        for q, length in zip(ends.tolist(), lengths.tolist(), strict=True):
            leading_to[q].append((length, p))
    sources, sq_distances = np.empty((40, 4), np.int32), np.empty((40, 4), np.float32)
    for start in range(0, 40, -(-40 // threads)):
        turn_round(edges, sq_lengths, start, min(start + -(-40 // threads), 40), sources, sq_distances)
    for q, expected in leading_to.items():
        assert listed(sources[q]) == [p for _, p in sorted(expected)[:4]]
        assert sq_distances[q].tolist() == [length for length, _ in sorted(expected)[:4]] + [np.inf] * (
            4 - min(4, len(expected))
        )
