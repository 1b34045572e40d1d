"""Pairs that cannot all be right, against a search for ways back."""

from itertools import pairwise

import numpy as np
import pytest
from tripletmine.pipeline.data.ranking.contradictions import Contradictions, contradictions


def reachable(better: list[tuple[int, int]], start: int) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        item = waiting.pop()
        for other in (second for first, second in better if first == item):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_against_a_search_for_ways_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    items = 14
    better = sorted({(int(a), int(b)) for a, b in generator.integers(0, items, (18, 2)) if a != b})
    alike = sorted({(int(a), int(b)) for a, b in generator.integers(0, items, (30, 2)) if a < b})
    found = contradictions(np.array(better), np.array(alike), items)
    on_cycles = [pair for pair in better if pair[0] in reachable(better, pair[1])]
    assert found.on_cycles == len(on_cycles)
    joined = {
        frozenset(other for other in reachable(better, item) if item in reachable(better, other))
        for item, _ in on_cycles
    }
    assert found.cycles == len(joined)
    assert found.also_alike == sum(tuple(sorted(pair)) in alike for pair in better)
    way = list(found.example)
    if on_cycles:
        assert way[0] == way[-1]
        assert all(step in better for step in pairwise(way))
        assert len(set(way)) == len(way) - 1
    else:
        assert way == []


def test_two_that_are_each_better_and_three_in_a_circle() -> None:
    nothing = np.empty((0, 2), np.int64)
    assert contradictions(nothing, nothing, 0) == Contradictions(0, 0, (), 0)
    assert contradictions(np.array([[0, 1], [1, 2]]), nothing, 3) == Contradictions(0, 0, (), 0)
    two = contradictions(np.array([[0, 1], [1, 0], [1, 2]]), np.array([[2, 1]]), 3)
    assert two == Contradictions(2, 1, (0, 1, 0), 1)
    three = contradictions(np.array([[0, 1], [1, 2], [2, 0], [3, 0]]), nothing, 4)
    assert three == Contradictions(3, 1, (0, 1, 2, 0), 0)
