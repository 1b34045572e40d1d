"""The nearest of a search's candidates, with distances measured anew by float32 differences.

Every method ends here, so that all methods report equal distances: what a search measured on its way (a matrix
product, low precision, another order of summation) only decides *which* rows are candidates.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..compute.distances import sq_distance
from ..compute.threads import over_rows, read_only
from ..neighbours import NO_ROW, NeighbourTable


def remeasure(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    ids: NDArray[np.integer],
    *,
    query_ids: NDArray[np.int64],
    neighbours: int,
    first_id: int = 0,
    threads: int = 1,
    order: NDArray[np.int32] | None = None,
    into: NeighbourTable | None = None,
    places: NDArray[np.int32] | None = None,
) -> NeighbourTable:
    """The ``neighbours`` nearest of each query's candidates, by (distance, id).

    queries: float32 (Q, D). vectors: float32 (N, D), the rows to choose from; row 0 has the id ``first_id``.
    ids: integers (Q, C), the candidates as *local* rows of ``vectors``, distinct, in any order, negative for none.
    query_ids: int64 (Q,), global; a query is not its own neighbour. order: int32 (Q,), a permutation in which the
    queries are processed; if near ones follow each other, their candidates are still in the cache. It does not change
    the result. into: a table of pads to write to, (rows, ``neighbours``); by default a new one. places: int32 (Q,),
    the row of the table for each query; by default 0 … Q − 1.

    Returns the table, with global ids, padded where a query has fewer candidates.
    """
    table = empty_table(len(queries), neighbours) if into is None else into
    as_they_come = np.arange(len(queries), dtype=np.int32)
    order = as_they_come if order is None else order
    places = as_they_come if places is None else places
    given = read_only(queries), read_only(vectors), read_only(ids), read_only(query_ids)
    ways = read_only(order), read_only(places)

    def kernel(start: int, stop: int) -> None:
        _nearest(*given, *ways, first_id, start, stop, table.ids, table.sq_distances)

    over_rows(kernel, len(queries), threads)
    return table


def empty_table(rows: int, neighbours: int) -> NeighbourTable:
    """A table that holds only pads (id −1, distance inf)."""
    return NeighbourTable(
        np.full((rows, neighbours), NO_ROW, np.int64), np.full((rows, neighbours), np.inf, np.float32)
    )


@njit(nogil=True, cache=True)
def _nearest(queries, vectors, ids, own, order, places, first_id, start, stop, found_ids, found_sq):
    """Queries order[start:stop]."""
    measured = np.empty(ids.shape[1], np.uint64)
    for row in order[start:stop]:
        count = 0
        for c in range(ids.shape[1]):
            local = np.int64(ids[row, c])
            if local >= 0 and local + first_id != own[row]:
                measured[count] = in_order(sq_distance(queries[row], vectors[local]), local)
                count += 1
        place = places[row]
        take_nearest(measured[:count], first_id, found_ids[place], found_sq[place])


@njit(nogil=True, cache=True, inline="always")
def in_order(sq, row):
    """uint64 that orders as (distance, row): the bits of a non-negative float32, then a row below 2³²."""
    return (np.uint64(np.float32(sq).view(np.uint32)) << np.uint64(32)) | np.uint64(row)


@njit(nogil=True, cache=True)
def take_nearest(measured, first_id, ids, sq_distances):
    """Write the K nearest of uint64 (C,) ``measured`` (see ``in_order``) to ids, int64 (K,), and sq_distances, float32
    (K,). Sorts ``measured`` in place; entries beyond C are left as they are."""
    measured.sort()
    for i in range(min(measured.shape[0], ids.shape[0])):
        ids[i] = np.int64(measured[i] & np.uint64(0xFFFFFFFF)) + first_id
        sq_distances[i] = np.uint32(measured[i] >> np.uint64(32)).view(np.float32)


@njit(nogil=True, cache=True, inline="always")
def insert_nearest(ids, sq_distances, kept, candidate, sq):
    """Insert a candidate into ids, int64 (K,), and sq_distances, float32 (K,), ascending by (distance, id).

    kept: entries filled. Returns the new number. The last entry drops out of a full row.
    """
    width = ids.shape[0]
    if kept == width:
        last_sq = sq_distances[width - 1]
        if sq > last_sq or (sq == last_sq and candidate > ids[width - 1]):
            return kept
        place = width - 1
    else:
        place = kept
        kept += 1
    while place > 0:
        before_sq = sq_distances[place - 1]
        if before_sq < sq or (before_sq == sq and ids[place - 1] < candidate):
            break
        sq_distances[place] = before_sq
        ids[place] = ids[place - 1]
        place -= 1
    sq_distances[place] = sq
    ids[place] = candidate
    return kept
