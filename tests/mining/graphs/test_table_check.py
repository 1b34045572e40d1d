"""Rows of a neighbour table that contradict the vectors are found."""

import numpy as np
import pytest
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.table_check import untrue_rows
from tripletmine.mining.neighbours import NeighbourTable

ROWS = np.arange(50, dtype=np.int64)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def searched(vectors: np.ndarray, neighbours: int = 8) -> NeighbourTable:
    return exact.build(vectors).search(vectors, query_ids=ROWS, neighbours=neighbours, threads=1)


@pytest.mark.parametrize("neighbours", [1, 8, 60])
def test_what_a_search_finds_is_true(vectors, neighbours: int) -> None:
    assert not untrue_rows(searched(vectors, neighbours), ROWS, vectors).any()


def test_some_rows_of_it_are_true(vectors) -> None:
    some = np.array([3, 40], np.int64)
    table = searched(vectors)
    assert not untrue_rows(NeighbourTable(table.ids[some], table.sq_distances[some]), some, vectors).any()


def test_copies_are_true(vectors) -> None:
    vectors[10:20] = vectors[9]
    assert not untrue_rows(searched(vectors), ROWS, vectors).any()


@pytest.mark.parametrize(
    ("column", "row_id", "sq"),
    [
        (0, 50, None),
        (0, -2, None),
        (2, 4, 0.0),
        (0, -1, np.inf),
        (3, None, 0.0),
        (3, None, np.nan),
        (1, 17, None),
    ],
    ids=["no row", "below the pad", "itself", "a pad first", "out of order", "not a number", "another row"],
)
def test_each_fault_is_found_where_it_is(column: int, row_id: int | None, sq: float | None, vectors) -> None:
    table = searched(vectors)
    assert table.ids[4, 1] != 17
    if row_id is not None:
        table.ids[4, column] = row_id
    if sq is not None:
        table.sq_distances[4, column] = sq
    assert np.flatnonzero(untrue_rows(table, ROWS, vectors)).tolist() == [4]


def test_a_row_twice_and_one_that_was_left_out(vectors) -> None:
    table = searched(vectors)
    table.ids[6, 1], table.sq_distances[6, 1] = table.ids[6, 0], table.sq_distances[6, 0]
    excluded = np.zeros(50, np.bool_)
    excluded[table.ids[9, 3]] = True
    expected = [row for row in ROWS.tolist() if row == 6 or table.ids[9, 3] in table.ids[row]]
    assert np.flatnonzero(untrue_rows(table, ROWS, vectors, excluded=excluded)).tolist() == expected


def test_zeros_in_place_of_a_table_are_untrue(vectors) -> None:
    zeros = NeighbourTable(np.zeros((50, 8), np.int64), np.zeros((50, 8), np.float32))
    assert untrue_rows(zeros, ROWS, vectors).all()
