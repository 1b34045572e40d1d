"""Find ranked pairs that contradict each other."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Contradictions:
    """Contradictions among ranked pairs.

    on_cycles: number of "better" pairs on a cycle, by which an item would be better than itself. cycles: number of
    strongly connected sets of items with such pairs. example: items of one cycle, which begins and ends with the same
    item; empty if there is none. also_alike: number of "better" pairs that are also called alike.
    """

    on_cycles: int
    cycles: int
    example: tuple[int, ...]
    also_alike: int


def contradictions(better: NDArray[np.int64], alike: NDArray[np.int64], items: int) -> Contradictions:
    """Count contradictions. better, alike: numbers of items, int64 (P, 2) and (Q, 2). items: number of items.

    A pair is on a cycle if both its items are in the same strongly connected component of the graph of "better" pairs.
    """
    if not len(better):
        return Contradictions(0, 0, (), 0)
    # Imported here, since only runs that rank need it.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(better), np.int8), (better[:, 0], better[:, 1])), shape=(items, items))
    _, component = connected_components(graph, connection="strong")
    inside = component[better[:, 0]] == component[better[:, 1]]
    named = np.sort(better, axis=1)
    both = np.isin(named @ [items, 1], np.sort(alike, axis=1) @ [items, 1])
    return Contradictions(
        on_cycles=int(inside.sum()),
        cycles=len(np.unique(component[better[inside, 0]])),
        example=_way_back(better[inside]) if inside.any() else (),
        also_alike=int(both.sum()),
    )


def _way_back(better: NDArray[np.int64]) -> tuple[int, ...]:
    """The shortest cycle through the first pair. All pairs must be on cycles."""
    after: dict[int, list[int]] = {}
    for one, other in better.tolist():
        after.setdefault(one, []).append(other)
    start, first = better[0].tolist()
    before = {first: start}
    waiting = deque([first])
    while waiting:
        item = waiting.popleft()
        if item == start:
            break
        for other in after[item]:
            if other not in before:
                before[other] = item
                waiting.append(other)
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(before[way[-1]])
    return tuple(reversed(way))
