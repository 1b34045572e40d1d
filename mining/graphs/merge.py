"""Merge neighbour tables of the same queries, one per part of the set, into one."""

from collections.abc import Sequence

from numba import njit

from ..compute.threads import read_only
from ..errors import InputError
from ..neighbours import NeighbourTable
from .remeasure import empty_table, insert_nearest


def merge_tables(tables: Sequence[NeighbourTable], neighbours: int) -> NeighbourTable:
    """The ``neighbours`` nearest rows over all tables, by (distance, id).

    tables: one per part, for the same queries in the same order. Parts share no row, so no id occurs twice.
    Returns a table (Q, neighbours), padded where all parts together found fewer. The order of tables does not matter.

    Raises: InputError: no table, or tables with different numbers of queries.
    """
    if not tables:
        raise InputError("merge_tables was given no table: pass one per part of the set")
    rows = {len(table) for table in tables}
    if len(rows) != 1:
        raise InputError(f"the tables to merge have {sorted(rows)} rows: pass tables of the same queries")
    merged = empty_table(rows.pop(), neighbours)
    for table in tables:
        merge_into(merged, table)
    return merged


def merge_into(merged: NeighbourTable, found: NeighbourTable, *, first: int = 0) -> None:
    """Merge ``found`` into the rows of ``merged`` from row ``first`` on, in place and without extra memory."""
    if first + len(found) > len(merged):
        raise InputError(
            f"{len(found)} rows do not fit into a table of {len(merged)} from row {first} on: pass fewer"
        )
    block = slice(first, first + len(found))
    _merge(merged.ids[block], merged.sq_distances[block], read_only(found.ids), read_only(found.sq_distances))


@njit(nogil=True, cache=True)
def _merge(ids, sq_distances, found_ids, found_sq):
    for row in range(ids.shape[0]):
        kept = 0
        while kept < ids.shape[1] and ids[row, kept] >= 0:
            kept += 1
        for c in range(found_ids.shape[1]):
            if found_ids[row, c] < 0:
                break
            kept = insert_nearest(ids[row], sq_distances[row], kept, found_ids[row, c], found_sq[row, c])
