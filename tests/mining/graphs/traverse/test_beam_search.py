"""Best-first search against a plain one."""

import heapq

import numpy as np
import pytest
from tripletmine.mining.graphs.traverse.beam_search import nearest_start, search_rows


def searched_plainly(x, query, edges, first: list[int], own: int, keep: int, budget: int) -> list[float]:
    """Distances of the rows that a search with a heap and a sorted list keeps, nearest first."""

    def sq(row: int) -> float:
        return float(np.square(x[row] - query).sum())

    seen = {own, *first} - {-1}
    best = sorted((sq(r), r) for r in seen - {own})[:keep]
    spent = len(seen - {own})
    queue = [] if own >= 0 else list(best)
    heapq.heapify(queue)
    waiting = list(best) if own >= 0 else []
    here = own if own >= 0 else (heapq.heappop(queue)[1] if queue else -1)
    while here >= 0:
        for step in edges[here]:
            if step >= 0 and step not in seen:
                seen.add(step)
                spent += 1
                entry = (sq(step), int(step))
                if len(best) < keep or entry[0] < best[-1][0]:
                    best = sorted([*best, entry])[:keep]
                    heapq.heappush(queue, entry)
        for entry in waiting:
            heapq.heappush(queue, entry)
        waiting = []
        here = -1
        while queue and here < 0 and spent < budget:
            entry = heapq.heappop(queue)
            if entry in best:
                here = entry[1]
    return [distance for distance, _ in best]


def random_graph(rows: int, degree: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors without equal distances, and random edges, some missing."""
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, rows, (rows, degree)).astype(np.int32)
    edges[rng.random(rows) < 0.3, degree // 2 :] = -1
    return rng.standard_normal((rows, 6)).astype(np.float32), edges


@pytest.mark.parametrize("budget", [15, 60, 10_000])
@pytest.mark.parametrize("keep", [5, 25])
def test_it_finds_what_a_plain_search_finds(keep: int, budget: int) -> None:
    x, edges = random_graph(200, 6, seed=keep)
    rng = np.random.default_rng(budget)
    candidates = rng.integers(-1, 200, (200, 4)).astype(np.int32)
    candidates[candidates == np.arange(200)[:, None]] = -1
    outside = rng.standard_normal((50, 6)).astype(np.float32)
    queries = np.concatenate([x, outside])
    own = np.concatenate([np.arange(200), np.full(50, -1)]).astype(np.int32)
    starts = np.array([3, 77, 150], np.int32)
    found = np.empty((250, keep), np.int32)
    order = rng.permutation(250).astype(np.int32)
    for start, stop in ((100, 250), (0, 100)):
        search_rows(queries, x, edges, candidates, own, starts, order, budget, start, stop, found)
    for q in range(250):
        first = candidates[q].tolist() if own[q] >= 0 else starts.tolist()
        expected = searched_plainly(x, queries[q], edges, first, int(own[q]), keep, budget)
        rows = found[q][found[q] >= 0]
        assert len(set(rows.tolist())) == len(rows)
        assert own[q] not in rows
        np.testing.assert_allclose(np.square(x[rows] - queries[q]).sum(axis=1), expected, rtol=1e-5)


def test_a_connected_graph_without_a_budget_is_searched_whole() -> None:
    x, _ = random_graph(100, 2, seed=0)
    edges = np.stack([np.roll(np.arange(100), -1), np.roll(np.arange(100), 1)], axis=1).astype(np.int32)
    none = np.full((100, 1), -1, np.int32)
    own = np.arange(100, dtype=np.int32)
    found = np.empty((100, 99), np.int32)
    search_rows(x, x, edges, none, own, own[:0], own, 10**6, 0, 100, found)
    for q in range(100):
        expected = np.argsort(np.square(x - x[q]).sum(axis=1))[1:]
        np.testing.assert_array_equal(found[q], expected)


def test_no_start_finds_nothing() -> None:
    x, edges = random_graph(20, 2, seed=0)
    none = np.array([-1], np.int32)
    found = np.zeros((1, 3), np.int32)
    search_rows(x[:1], x, edges, np.full((20, 1), -1, np.int32), none, none[:0], none + 1, 100, 0, 1, found)
    np.testing.assert_array_equal(found, -1)


def test_the_nearest_start_is_the_nearest() -> None:
    x, _ = random_graph(300, 2, seed=4)
    starts = np.array([5, 9, 200, 13], np.int32)
    nearest = np.empty(300, np.int32)
    nearest_start(x, x, starts, 0, 300, nearest)
    np.testing.assert_array_equal(nearest, np.square(x[:, None] - x[starts]).sum(axis=2).argmin(axis=1))
