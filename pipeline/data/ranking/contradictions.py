"""Pairs that cannot all be right."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Contradictions:
    """on_cycles: pairs "better" by which an item comes before itself, by way of others. cycles: how many sets of items
    these join. example: one such way, items by number, its first once more at its end; empty where there is none.

    also_alike: pairs "better" that are called alike, too.
    """

    on_cycles: int
    cycles: int
    example: tuple[int, ...]
    also_alike: int


def contradictions(better: NDArray[np.int64], alike: NDArray[np.int64], items: int) -> Contradictions:
    """Count them. better, alike: int64 (P, 2) and (Q, 2), items by number, of `items`.

    Items are on a cycle where each can be reached from each: the strongly connected components of the graph of pairs.
    """
    if not len(better):
        return Contradictions(0, 0, (), 0)
    # Imported here: only runs that rank have use for it.
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
    """The shortest way from the first item of the first pair to itself, over its second. All pairs are on cycles."""
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
