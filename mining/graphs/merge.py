"""Tables of the same queries, found in several parts of the set, merged into one."""

from collections.abc import Sequence

from numba import njit

from ..compute.threads import read_only
from ..errors import InputError
from ..neighbours import NeighbourTable
from .remeasure import empty_table, insert_nearest


def merge_tables(tables: Sequence[NeighbourTable], neighbours: int) -> NeighbourTable:
    """The ``neighbours`` nearest of what the parts found, by (distance, id).

    tables: one per part, of the same queries in the same order; parts share no row, so no id comes twice.
    Returns (Q, neighbours), padded where the parts together found fewer. The order of the parts does not matter.

    Raises: InputError: no table, tables of different numbers of queries.
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
    """Merge ``found`` into the rows of ``merged`` from row ``first`` on, in place and without further memory."""
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
