"""Walks go downhill, stop where nothing is nearer, and depend on their trial alone."""

import numpy as np
from tripletmine.mining.graphs.traverse.walks import walk


def line(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on a line, each with edges to the next on either side."""
    vectors = np.zeros((rows, 2), np.float32)
    vectors[:, 0] = np.arange(rows)
    here = np.arange(rows, dtype=np.int32)
    edges = np.stack([np.where(here > 0, here - 1, -1), np.where(here < rows - 1, here + 1, -1)], axis=1)
    edges[0] = [1, -1]
    return vectors, edges.astype(np.int32)


def walk_all(vectors, edges, trials: int, *, seed=1, first=0) -> tuple[np.ndarray, np.ndarray]:
    sources, targets = np.empty(trials, np.int32), np.empty(trials, np.int32)
    walk(vectors, edges, seed, first, sources, targets, 0, trials)
    return sources, targets


def test_walks_arrive_where_a_path_leads() -> None:
    sources, targets = walk_all(*line(50), 500)
    assert (sources == -1).all()
    assert np.unique(targets).size > 45, "targets are drawn from all vertices"


def test_walks_stop_at_a_gap() -> None:
    vectors, edges = line(50)
    edges[24] = [23, -1]
    edges[25] = [26, -1]
    sources, targets = walk_all(vectors, edges, 2000)
    stopped = sources >= 0
    assert 0.4 < stopped.mean() < 0.6, f"{stopped.mean():.3f} of the pairs lie on either side of the gap"
    assert set(sources[stopped]) == {24, 25}
    np.testing.assert_array_equal(targets[stopped] > 24, sources[stopped] == 24)


def test_a_walk_takes_the_step_that_leads_nearest() -> None:
    """Row 1 is nearer to row 3 than the start is, but only row 2 leads there."""
    vectors = np.array([[0, 0], [3, 4], [6, 0], [10, 0]], np.float32)
    edges = np.array([[1, 2], [-1, -1], [3, -1], [-1, -1]], np.int32)
    seeds = range(200)
    outcomes = [walk_all(vectors, edges, 20, seed=seed) for seed in seeds]
    sources, targets = (np.concatenate(parts) for parts in zip(*outcomes, strict=True))
    assert 0 not in sources[targets == 3], "a walk from 0 to 3 stopped at 0"
    assert set(sources[targets == 3]) == {-1, 1}, "only the walks that start at 1 stop short of 3"
    started_at_1 = (sources[targets == 3] == 1).mean()
    assert 0.2 < started_at_1 < 0.3, f"{started_at_1:.3f} stopped at 1, and a quarter of them starts there"


def test_trials_do_not_depend_on_how_they_are_cut() -> None:
    vectors, edges = line(50)
    edges[10:12] = -1
    whole = walk_all(vectors, edges, 300)
    parts = [walk_all(vectors, edges, 100, first=first) for first in (0, 100, 200)]
    for k in range(2):
        np.testing.assert_array_equal(whole[k], np.concatenate([part[k] for part in parts]))
    other = walk_all(vectors, edges, 300, seed=2)
    assert (whole[1] != other[1]).mean() > 0.9


def test_an_equal_row_is_as_good_as_the_target() -> None:
    vectors = np.zeros((30, 3), np.float32)
    sources, _ = walk_all(vectors, np.full((30, 4), -1, np.int32), 100)
    assert (sources == -1).all()
