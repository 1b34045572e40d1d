"""Best-first search of a graph, within a budget of distance computations. Compiled.

Harwood & Drummond, CVPR 2016, section 3: always follow the edges of the nearest vertex whose edges have not been
followed yet, until the nearest ``keep`` vertices have all been followed or the budget is spent.
"""

import numpy as np
from numba import njit

from ...compute.distances import sq_distance


@njit(nogil=True, cache=True)
def search_rows(queries, vectors, edges, candidates, own, starts, order, budget, start, stop, found):
    """Search for the queries order[start:stop].

    own: int32 (Q,), the vertex that each query is, or −1. The search for a vertex begins at its own candidates and
    edges, and does not return the vertex itself; that for any other query begins at ``starts``, int32 (S,).
    candidates: int32 (N, C), −1 pads. budget: distances measured per query at most, those of its start included; the
    vertex at hand is finished. order: a permutation that puts near queries together, so that the rows that one reads
    are still in the cache for the next; it does not change the result. found: int32 (Q, keep), output: the nearest
    vertices seen, nearest first, −1 pads.
    """
    keep = found.shape[1]
    seen = np.zeros(vectors.shape[0], np.int32)  # number of the last query that measured the vertex
    rows = np.empty(keep, np.int32)  # ~row once its edges have been followed
    sq = np.empty(keep, np.float32)
    for i in range(start, stop):
        q = order[i]
        mark = np.int32(i - start + 1)
        query = queries[q]
        count = 0
        spent = 0
        here = own[q]
        if here >= 0:
            seen[here] = mark
        for s in candidates[here] if here >= 0 else starts:
            if s >= 0 and seen[s] != mark:
                seen[s] = mark
                spent += 1
                count, _ = _insert(rows, sq, count, s, sq_distance(query, vectors[s]))
        following = 0
        while True:
            if here >= 0:
                for step in edges[here]:
                    if step < 0:
                        break
                    if seen[step] != mark:
                        seen[step] = mark
                        spent += 1
                        count, place = _insert(rows, sq, count, step, sq_distance(query, vectors[step]))
                        following = min(following, place)
            while following < count and rows[following] < 0:
                following += 1
            if following == count or spent >= budget:
                break
            here = rows[following]
            rows[following] = ~here
        for rank in range(count):
            found[q, rank] = rows[rank] if rows[rank] >= 0 else ~rows[rank]
        found[q, count:] = -1


@njit(nogil=True, cache=True)
def nearest_start(queries, vectors, starts, start, stop, nearest):
    """For queries start..stop, write the position in ``starts`` of the nearest start to ``nearest``."""
    for q in range(start, stop):
        least = np.float32(np.inf)
        for s in range(starts.shape[0]):
            sq = sq_distance(queries[q], vectors[starts[s]])
            if sq < least:
                least = sq
                nearest[q] = s


@njit(nogil=True, cache=True, inline="always")
def _insert(rows, sq, count, row, row_sq):
    """Insert a row into a list of the ``count`` nearest, ascending; the furthest drops out of a full list.

    Returns the new count and the row's position (the length of the list if it was too far).
    """
    keep = rows.shape[0]
    if count == keep:
        if not row_sq < sq[keep - 1]:
            return count, keep
        last = keep - 1
    else:
        last = count
        count += 1
    low = 0
    high = last
    while low < high:
        middle = (low + high) // 2
        if sq[middle] <= row_sq:
            low = middle + 1
        else:
            high = middle
    for i in range(last, low, -1):
        rows[i] = rows[i - 1]
        sq[i] = sq[i - 1]
    rows[low] = row
    sq[low] = row_sq
    return count, low
