"""Tables of parts, merged, are the table of the whole."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.merge import merge_into, merge_tables
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable


@settings(deadline=None)  # the first call compiles
@given(parts=st.integers(1, 9), neighbours=st.integers(1, 40), seed=st.integers(0, 9))
def test_parts_merged_are_the_whole(parts: int, neighbours: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(0, 3, (37, 4)).astype(np.float32)
    ids = np.arange(len(x))
    bounds = np.linspace(0, len(x), parts + 1).astype(int)
    tables = [
        exact.build(x[a:b], first_id=int(a)).search(x, query_ids=ids, neighbours=neighbours, threads=1)
        for a, b in pairwise(bounds)
    ]
    whole = exact.build(x).search(x, query_ids=ids, neighbours=neighbours, threads=1)
    for order in (tables, tables[::-1]):
        merged = merge_tables(order, neighbours)
        np.testing.assert_array_equal(merged.ids, whole.ids)
        np.testing.assert_array_equal(merged.sq_distances, whole.sq_distances)


def test_what_the_parts_did_not_find_is_padded() -> None:
    one = NeighbourTable(np.array([[7, NO_ROW]]), np.array([[0.5, np.inf]], np.float32))
    two = NeighbourTable(np.array([[3]]), np.array([[0.25]], np.float32))
    merged = merge_tables([one, two], 4)
    np.testing.assert_array_equal(merged.ids, [[3, 7, NO_ROW, NO_ROW]])
    np.testing.assert_array_equal(merged.sq_distances, np.array([[0.25, 0.5, np.inf, np.inf]], np.float32))
    assert merged.ids.dtype == np.int64
    assert merged.sq_distances.dtype == np.float32


def test_blocks_are_merged_where_they_belong() -> None:
    merged = NeighbourTable(
        np.array([[1, 2], [3, NO_ROW], [5, 6]]), np.array([[1, 2], [3, np.inf], [5, 6]], np.float32)
    )
    merge_into(merged, NeighbourTable(np.array([[9], [8]]), np.array([[2.5], [5]], np.float32)), first=1)
    np.testing.assert_array_equal(merged.ids, [[1, 2], [9, 3], [5, 8]])
    np.testing.assert_array_equal(merged.sq_distances, [[1, 2], [2.5, 3], [5, 5]])
    with pytest.raises(InputError, match="2 rows do not fit into a table of 3 from row 2 on"):
        merge_into(merged, NeighbourTable(np.zeros((2, 1), np.int64), np.zeros((2, 1), np.float32)), first=2)


def test_tables_of_other_queries_are_refused() -> None:
    tables = [NeighbourTable(np.zeros((n, 1), np.int64), np.zeros((n, 1), np.float32)) for n in (2, 3)]
    with pytest.raises(InputError, match=r"have \[2, 3\] rows"):
        merge_tables(tables, 1)
    with pytest.raises(InputError, match="no table"):
        merge_tables([], 1)
