"""The edges of a FANNG graph: those that no shorter edge of the same vertex occludes. Compiled.

Harwood & Drummond, "FANNG: Fast Approximate Nearest Neighbour Graphs", CVPR 2016, section 3: an edge p→q is *occluded*
when p has an edge p→r with d(p,r) < d(p,q) and d(r,q) < d(p,q). It is then superfluous: a walk from p towards q, or
towards anything near q, can go through r.

Edges are int32 (N, R) with −1 pads, their squared lengths float32 (N, R) with inf pads, ascending by (length, row).
"""

import numpy as np
from numba import njit

from ...compute.distances import sq_distance


@njit(nogil=True, cache=True)
def choose_edges(vectors, candidates, order, edges, sq_lengths, start, stop):
    """Rebuild the edges of vertices order[start:stop] from their candidates and present edges.

    candidates: int32 (N, C), −1 pads, in any order. Taken nearest first, each becomes an edge unless a shorter edge
    occludes it, until the vertex has R edges; the longest are thus left out.
    """
    room = candidates.shape[1] + edges.shape[1]
    rows = np.empty(room, np.int32)
    sq = np.empty(room, np.float32)
    for p in order[start:stop]:
        count = 0
        for q in candidates[p]:
            if q >= 0 and q != p:
                count = _insert_once(rows, sq, count, q, sq_distance(vectors[p], vectors[q]))
        for q in edges[p]:
            if q >= 0:
                count = _insert_once(rows, sq, count, q, sq_distance(vectors[p], vectors[q]))
        copies = 0
        while copies < count and sq[copies] == 0.0:
            copies += 1
        kept = _keep_copies(rows[:copies], p, edges[p], sq_lengths[p])
        for c in range(copies, count):
            if kept == edges.shape[1]:
                break
            if not _occluded(vectors, edges[p], sq_lengths[p], kept, rows[c], sq[c]):
                edges[p, kept] = rows[c]
                sq_lengths[p, kept] = sq[c]
                kept += 1
        edges[p, kept:] = -1
        sq_lengths[p, kept:] = np.inf


@njit(nogil=True, cache=True)
def _keep_copies(copies, p, edges, sq_lengths):
    """Write edges to the copies of p (rows with an equal vector), which nothing occludes. Returns their number.

    They lead to the next copies in a ring, and take at most half of p's edges. Without that bound many copies would
    have no edge that leads away from them; without the ring all would lead to the same few copies, and the others
    could not be reached. (Our addition: the paper assumes distinct points.)
    """
    kept = min(copies.shape[0], (edges.shape[0] + 1) // 2)
    first = np.searchsorted(copies, p)
    for i in range(kept):
        edges[i] = copies[(first + i) % copies.shape[0]]
        sq_lengths[i] = 0.0
    edges[:kept].sort()
    return kept


@njit(nogil=True, cache=True)
def add_edges(vectors, edges, sq_lengths, order, sources, targets, bounds, start, stop):
    """Add the edges sources[i] → targets[i] of groups start..stop, and drop the edges that they occlude.

    order: int64 (T,), the additions sorted by source, and for each source in the order in which to make them. bounds:
    int64 (G + 1,), where each group (the additions of one source) begins in ``order``. Only the edges of the source
    change, so groups may run in parallel. A vertex that has R edges loses the longest.
    """
    limit = edges.shape[1]
    for group in range(start, stop):
        for i in order[bounds[group] : bounds[group + 1]]:
            p = sources[i]
            q = targets[i]
            sq = sq_distance(vectors[p], vectors[q])
            mine = edges[p]
            lengths = sq_lengths[p]
            degree = 0
            while degree < limit and mine[degree] >= 0:
                degree += 1
            place = 0
            while place < degree and (lengths[place] < sq or (lengths[place] == sq and mine[place] < q)):
                place += 1
            if place == limit or (place < degree and mine[place] == q):
                continue
            if _occluded(vectors, mine, lengths, place, q, sq):
                continue
            # Drop the longer edges that the new one occludes; move the others up by one.
            kept = place
            carried = q
            carried_sq = sq
            for e in range(place, degree):
                old = mine[e]
                old_sq = lengths[e]
                if sq < old_sq and sq_distance(vectors[q], vectors[old]) < old_sq:
                    continue
                mine[kept] = carried
                lengths[kept] = carried_sq
                kept += 1
                carried = old
                carried_sq = old_sq
            if kept < limit:
                mine[kept] = carried
                lengths[kept] = carried_sq
                kept += 1
            mine[kept:] = -1
            lengths[kept:] = np.inf


@njit(nogil=True, cache=True)
def turn_round(edges, sq_lengths, start, stop, sources, sq_distances):
    """Find the shortest edges that lead to each of the vertices start..stop, as candidates for edges back.

    sources: int32 (N, S), output: where these edges come from, nearest first, −1 pads. sq_distances: float32 (N, S),
    output: their squared lengths, inf pads.
    """
    sources[start:stop] = -1
    sq_distances[start:stop] = np.inf
    last = sources.shape[1] - 1
    # Read all edges in memory order, and write only to vertices start..stop, so that ranges may run in parallel.
    for p in range(edges.shape[0]):
        for e in range(edges.shape[1]):
            q = edges[p, e]
            if q < 0:
                break
            sq = sq_lengths[p, e]
            if q < start or q >= stop or not sq < sq_distances[q, last]:
                continue
            place = last
            while place > 0 and sq < sq_distances[q, place - 1]:
                sources[q, place] = sources[q, place - 1]
                sq_distances[q, place] = sq_distances[q, place - 1]
                place -= 1
            sources[q, place] = p
            sq_distances[q, place] = sq


@njit(nogil=True, cache=True, inline="always")
def _occluded(vectors, edges, sq_lengths, count, q, sq):
    """Whether one of the first ``count`` edges, none longer than the edge to q, occludes it."""
    for e in range(count):  # noqa: SIM110 - numba does not compile a generator
        if sq_lengths[e] < sq and sq_distance(vectors[edges[e]], vectors[q]) < sq:
            return True
    return False


@njit(nogil=True, cache=True, inline="always")
def _insert_once(rows, sq, count, q, q_sq):
    """Insert q into rows, ascending by (distance, row), unless it is there already. Returns the new count."""
    place = count
    while place > 0 and (sq[place - 1] > q_sq or (sq[place - 1] == q_sq and rows[place - 1] > q)):
        place -= 1
    if place > 0 and rows[place - 1] == q:
        return count
    for i in range(count, place, -1):
        rows[i] = rows[i - 1]
        sq[i] = sq[i - 1]
    rows[place] = q
    sq[place] = q_sq
    return count + 1
