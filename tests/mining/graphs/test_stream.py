"""A table written block by block equals the whole one, and is never in memory as a whole."""

import tracemalloc

import numpy as np
import pytest
from tripletmine.mining.errors import InputError
from tripletmine.mining.graphs import build
from tripletmine.mining.graphs.build import GraphReport, neighbours_of, stream_neighbours
from tripletmine.mining.graphs.choose import Choice
from tripletmine.mining.graphs.remeasure import empty_table
from tripletmine.mining.neighbours import NeighbourTable


def streamed(x: np.ndarray, neighbours: int, **options) -> tuple[NeighbourTable, GraphReport, list[int]]:
    table, blocks = empty_table(len(x), neighbours), []

    def write(rows: np.ndarray, found: NeighbourTable) -> None:
        assert (table.ids[rows] == -1).all(), "rows come once"
        table.ids[rows], table.sq_distances[rows] = found.ids, found.sq_distances
        blocks.append(len(rows))

    return table, stream_neighbours(x, neighbours, write, **{"threads": 1, **options}), blocks


@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_blocks_are_the_table_and_its_report(clustered, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, report = neighbours_of(clustered, 20, method=method, threads=1)
    monkeypatch.setattr(build, "BLOCK_ROWS", 700)
    table, found, blocks = streamed(clustered, 20, method=method)
    np.testing.assert_array_equal(table.ids, expected.ids)
    np.testing.assert_array_equal(table.sq_distances, expected.sq_distances)
    assert found == report
    assert blocks == [700] * 4 + [200]


def test_auto_falls_back_to_exact_search_before_it_writes(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tripletmine.mining.graphs.steps.choose_method", lambda *_, **__: Choice("hnsw", "as if large")
    )
    vectors = np.random.default_rng(5).normal(size=(1500, 8)).astype(np.float32)
    vectors[::3] = vectors[0]
    table, report, _ = streamed(vectors, 30)
    np.testing.assert_array_equal(table.ids, neighbours_of(vectors, 30, method="exact")[0].ids)
    assert (report.method, report.recall) == ("exact", 1.0)
    assert "hnsw, which auto chose first, is not good enough" in report.why


def test_a_block_of_the_table_is_in_memory_and_no_more(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbours_of(clustered[:300], 20, method="cells", threads=1)  # compiles
    monkeypatch.setattr(build, "BLOCK_ROWS", 100)
    whole = 12 * len(clustered) * 1500
    tracemalloc.start()
    report = stream_neighbours(
        clustered, 1500, lambda *_: None, method="cells", threads=1, recall_target=0.5, memory_mib=40
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Most of the peak is for the recall sample: 1,000 rows of 1,500 neighbours, twice.
    assert peak < 0.8 * whole, f"{peak / 2**20:.0f} MiB, the table is of {whole / 2**20:.0f}"
    assert report.recall > 0.4
    with pytest.raises(InputError, match="leaves 40 MiB to a search by cells, which needs"):
        neighbours_of(clustered, 1500, method="cells", memory_mib=40, recall_target=0.5)


def test_what_makes_no_sense_is_refused(clustered) -> None:
    with pytest.raises(InputError, match="neighbours is 0"):
        streamed(clustered, 0)
    with pytest.raises(InputError, match="recall_target is 2"):
        streamed(clustered, 5, recall_target=2)
