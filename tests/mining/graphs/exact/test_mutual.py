"""Exact search of rows among themselves finds what a search of queries finds, whatever the blocks and threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.exact import mutual
from tripletmine.mining.graphs.exact.mutual import MutualProposer, own_rows
from tripletmine.mining.neighbours import NeighbourTable


def searched(
    x: np.ndarray, rows: slice, neighbours: int, *, first_id: int = 0, threads: int = 1, **options
) -> NeighbourTable:
    ids = np.arange(rows.start, rows.stop) + first_id
    index = exact.build(x, first_id=first_id)
    return index.search(x[rows], query_ids=ids, neighbours=neighbours, threads=threads, **options)


def equal(found: NeighbourTable, expected: NeighbourTable) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.sq_distances, expected.sq_distances)


@pytest.fixture
def proposed(monkeypatch: pytest.MonkeyPatch) -> list[slice]:
    """The rows that were searched among themselves."""
    found = []
    original = MutualProposer.propose

    def noted(self: MutualProposer, wanted: int, threads: int):
        found.append(self._asking)
        return original(self, wanted, threads)

    monkeypatch.setattr(MutualProposer, "propose", noted)
    return found


@settings(deadline=None, max_examples=200)
@given(
    rows=st.integers(10, 60),
    width=st.integers(1, 6),
    neighbours=st.integers(1, 30),
    seed=st.integers(0, 20),
    shape=st.sampled_from([(8, 4), (8, 3), (3, 8), (9, 70)]),
    part=st.sampled_from([(0.0, 1.0), (0.0, 0.6), (0.3, 1.0), (0.2, 0.8)]),
)
def test_many_ties_are_met_exactly(oracle, rows, width, neighbours, seed, shape, part) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, (rows, width)).astype(np.float32)
    asking = slice(*(int(share * rows) for share in part))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mutual, "_BLOCK", shape[0])
        patched.setattr(mutual, "_TILE", shape[1])
        patched.setattr(mutual, "_STRIP", 2)
        found = searched(x, asking, neighbours)
    expected = oracle(x, neighbours)
    equal(found, NeighbourTable(expected.ids[asking], expected.sq_distances[asking]))


@pytest.mark.parametrize("rows", [slice(0, 3000), slice(700, 2400)])
def test_the_same_at_any_number_of_threads_and_as_one_way(
    proposed: list[slice], monkeypatch: pytest.MonkeyPatch, rows: slice
) -> None:
    random = np.random.default_rng(1)
    x = (np.repeat(random.normal(size=(100, 24)), 30, axis=0) + random.normal(0, 0.4, (3000, 24))).astype(
        np.float32
    )
    found = [searched(x, rows, 20, first_id=5000, threads=threads) for threads in (1, 2, 4)]
    assert proposed == [rows] * 3
    monkeypatch.setattr(exact, "own_rows", lambda *_: None)
    expected = searched(x, rows, 20, first_id=5000)
    assert len(proposed) == 3
    for each in found:
        equal(each, expected)


def test_what_does_not_fit_is_searched_one_way(clustered, proposed: list[slice]) -> None:
    whole = searched(clustered, slice(0, len(clustered)), 20)
    assert len(proposed) == 1
    equal(searched(clustered, slice(0, len(clustered)), 20, memory_mib=2), whole)
    assert len(proposed) == 1


def test_only_consecutive_rows_of_the_index_itself_and_not_too_few() -> None:
    x = np.random.default_rng(2).normal(size=(6000, 3)).astype(np.float32)
    ids = np.arange(6000) + 10
    assert own_rows(x, ids, x, 10) == slice(0, 6000)
    assert own_rows(x[1000:3000], ids[1000:3000], x, 10) == slice(1000, 3000)
    assert own_rows(x[:1024], ids[:1024], x, 10) is None, "too few to be worth it"
    assert own_rows(x[:1400], ids[:1400], x, 10) is None, "less than a quarter"
    assert own_rows(x[::2], ids[::2], x, 10) is None
    assert own_rows(x, np.full(6000, -1), x, 10) is None, "queries that are no rows"
    assert own_rows(x, ids + 1, x, 10) is None
    other = x.copy()
    other[-1, -1] += 1
    assert own_rows(other, ids, x, 10) is None
