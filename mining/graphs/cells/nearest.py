"""The nearest of proposed rows, or of all rows in some cells, by float32 differences. Compiled.

A place is a position in the order of cells; ``rows`` maps it to the local row.
"""

import numpy as np
from numba import njit

from ...compute.distances import sq_distance
from ..remeasure import in_order, insert_nearest, take_nearest


@njit(nogil=True, cache=True)
def nearest_of_candidates(queries, own, vectors, rows, first_id, candidates, ids, sq_distances):
    """Write the nearest candidates to ids, int64 (B, K), and sq_distances, float32 (B, K), which hold pads.

    candidates: int32 (B, C), places, −1 for none.
    """
    measured = np.empty(candidates.shape[1], np.uint64)
    for b in range(queries.shape[0]):
        count = 0
        for c in range(candidates.shape[1]):
            place = candidates[b, c]
            if place >= 0 and rows[place] + first_id != own[b]:
                measured[count] = in_order(sq_distance(queries[b], vectors[place]), rows[place])
                count += 1
        take_nearest(measured[:count], first_id, ids[b], sq_distances[b])


@njit(nogil=True, cache=True)
def nearest_by_differences(query, own, vectors, rows, first_id, bounds, cells, ids, sq_distances):
    """Search all rows of some cells, the slow way, and overwrite ids, int64 (K,), and sq_distances, float32 (K,)."""
    kept = 0
    for cell in cells:
        for place in range(bounds[cell], bounds[cell + 1]):
            row = rows[place] + first_id
            if row != own:
                sq = sq_distance(query, vectors[place])
                kept = insert_nearest(ids, sq_distances, kept, row, sq)


@njit(nogil=True, cache=True)
def homes_of_rows(queries, local, vectors, place_of, cell_of, homes):
    """Write to homes, int32 (Q,), the cell of each query's own row, −1 if it has none or that row's vector differs."""
    for q in range(queries.shape[0]):
        row = local[q]
        homes[q] = -1
        if 0 <= row < place_of.shape[0]:
            place = place_of[row]
            same = True
            for d in range(queries.shape[1]):
                same &= queries[q, d] == vectors[place, d]
            if same:
                homes[q] = cell_of[row]
