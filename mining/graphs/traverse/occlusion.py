"""The edges of a FANNG graph: those that no shorter edge of the same vertex makes superfluous. Compiled.

Harwood & Drummond, "FANNG: Fast Approximate Nearest Neighbour Graphs", CVPR 2016, section 3: an edge p→q is
*occluded* when p has an edge p→r with d(p,r) < d(p,q) and d(r,q) < d(p,q): a walk from p towards q, or
towards anything near q, does as well by way of r.

Edges are int32 (N, R) and their squared lengths float32 (N, R), ascending by (length, row), −1 and inf pads.
"""

import numpy as np
from numba import njit

from ...compute.distances import sq_distance


@njit(nogil=True, cache=True)
def choose_edges(vectors, candidates, order, edges, sq_lengths, start, stop):
    """Rebuild the edges of vertices start..stop from candidates and the edges they have now.

    candidates: int32 (N, C), −1 where there is none, in any order. The nearest come first, each is kept
    unless a kept one occludes it, and at most R are kept: the longest edges are the ones that are cut.
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
    """Edges to rows equal to p, which nothing occludes: the next in a ring of them, in at most half of the places.

    Without the bound many copies would leave no edge that leads away from them, and if each kept the same
    ones, the others could not be reached. (Our choice: the paper assumes distinct points.)
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
    """Add edges sources[i] → targets[i], and drop what they occlude.

    order: int64 (T,), the additions sorted by source, those of one source in the order in which they are to
    be made. bounds: int64 (G + 1,), where in ``order`` each source's additions begin; groups start..stop
    are done here. Only the edges of the source change, so groups do not meet. When a vertex has R edges,
    the longest gives way.
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
            # What is longer and nearer to the new vertex goes; the rest moves up by one.
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
    """The shortest edges that lead to each of the vertices start..stop, as candidates for edges back.

    sources: int32 (N, S), written: where they come from, nearest first, −1 pads. sq_distances: float32 (N, S), their
    lengths, inf pads.
    """
    sources[start:stop] = -1
    sq_distances[start:stop] = np.inf
    last = sources.shape[1] - 1
    # All edges are read, in the order in which they lie, and few of them are of these vertices: ranges do not meet.
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
    """Whether one of the first ``count`` edges, all of them at most as long, occludes the edge to q."""
    for e in range(count):  # noqa: SIM110 - numba does not compile a generator
        if sq_lengths[e] < sq and sq_distance(vectors[edges[e]], vectors[q]) < sq:
            return True
    return False


@njit(nogil=True, cache=True, inline="always")
def _insert_once(rows, sq, count, q, q_sq):
    """Insert q into rows ascending by (distance, row), unless it is there. Returns how many there are then."""
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
