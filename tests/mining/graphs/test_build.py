"""The library call: vectors in, neighbours and a report on them out."""

import re

import numpy as np
import pytest
from tripletmine.mining.errors import InputError, RecallError
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.graphs.choose import Choice
from tripletmine.mining.graphs.parameters import (
    CellsParameters,
    ExactParameters,
    HnswParameters,
    TraverseAddParameters,
)
from tripletmine.mining.graphs.recall import recall_at_k
from tripletmine.mining.neighbours import NO_ROW


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_every_method_reaches_the_target_and_reports_it(
    clustered, clustered_exact, method: str, parts: int
) -> None:
    table, report = neighbours_of(clustered, 20, method=method, recall_target=0.98, parts=parts, threads=2)
    recall = recall_at_k(table, clustered_exact)
    assert recall > 0.98, f"recall {recall:.4f}: {report}"
    assert (report.method, report.parts, report.why) == (method, parts, "as asked")
    assert abs(report.recall - recall) < 0.01
    assert (report.arrived is not None) == (method == "traverse_add")
    assert bool(report.tried) == (method != "exact")


@pytest.mark.parametrize("pays", [True, False])
def test_auto_is_told_whether_exact_search_multiplies_in_bfloat16(
    clustered, pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    told = []

    def choose(*_: object, bfloat16: bool, **__: object) -> Choice:
        told.append(bfloat16)
        return Choice("exact", "as told")

    monkeypatch.setattr("tripletmine.mining.graphs.exact.bfloat16.pays", lambda *_, **__: pays)
    monkeypatch.setattr("tripletmine.mining.graphs.steps.choose_method", choose)
    neighbours_of(clustered[:100], 5)
    assert told == [pays]


def test_auto_is_exact_for_a_small_set(clustered, clustered_exact) -> None:
    table, report = neighbours_of(clustered, 20)
    assert report.method == "exact"
    assert "3,000 × 16, K = 20" in report.why
    assert recall_at_k(table, clustered_exact) == 1.0


def test_given_parameters_are_used_as_they_are(clustered) -> None:
    parameters = HnswParameters(m=5, ef_construction=20, ef=22)
    _, report = neighbours_of(clustered, 20, parameters=parameters, recall_target=1.0)
    assert (report.method, report.parameters, report.tried) == ("hnsw", parameters, ())
    assert 0.3 < report.recall < 1.0
    with pytest.raises(InputError, match="method is 'exact', but the parameters are of hnsw"):
        neighbours_of(clustered, 20, method="exact", parameters=parameters)


def test_traverse_add_repeats_at_any_number_of_threads_and_parts(clustered) -> None:
    for parts in (1, 3):
        one, many = (
            neighbours_of(clustered, 10, method="traverse_add", parts=parts, threads=threads)
            for threads in (1, 4)
        )
        np.testing.assert_array_equal(one[0].ids, many[0].ids)
        np.testing.assert_array_equal(one[0].sq_distances, many[0].sq_distances)
        assert one[1] == many[1]


def test_a_recall_out_of_reach_says_what_to_change(clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = HnswParameters(m=4, ef_construction=4)
    monkeypatch.setattr(
        "tripletmine.mining.graphs.steps.default_parameters", lambda method, neighbours: sparse
    )
    with pytest.raises(InputError, match=r"below recall_target = 1\.0: use exact, or lower recall_target"):
        # One thread always builds the same graph; several sometimes build one too sparse even to search.
        neighbours_of(clustered, 20, method="hnsw", recall_target=1.0, threads=1)


def test_auto_falls_back_to_exact_search_where_its_graph_is_not_good_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A third of the rows are copies of one: hnsw spends its links on them."""
    vectors = np.random.default_rng(5).normal(size=(1500, 8)).astype(np.float32)
    vectors[::3] = vectors[0]
    with pytest.raises(RecallError, match=r"below recall_target = 0\.99: use exact"):
        neighbours_of(vectors, 30, method="hnsw", threads=1)
    # As for a set so large that exact search takes longer.
    monkeypatch.setattr(
        "tripletmine.mining.graphs.steps.choose_method", lambda *_, **__: Choice("hnsw", "as if large")
    )
    table, report = neighbours_of(vectors, 30, threads=1)
    expected, _ = neighbours_of(vectors, 30, method="exact")
    np.testing.assert_array_equal(table.ids, expected.ids)
    assert (report.method, report.recall) == ("exact", 1.0)
    assert "hnsw, which auto chose first, is not good enough: recall is 0." in report.why


def test_auto_falls_back_to_exact_search_where_its_graph_is_too_sparse_to_search(
    clustered, clustered_exact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RecallError("a search of the graph reached fewer than the 21 rows it needs: use exact")

    monkeypatch.setattr(
        "tripletmine.mining.graphs.steps.choose_method", lambda *_, **__: Choice("hnsw", "as if large")
    )
    monkeypatch.setattr("tripletmine.mining.graphs.build.calibrated", refuse)
    table, report = neighbours_of(clustered, 20, threads=1)
    assert recall_at_k(table, clustered_exact) == 1.0
    assert "fewer than the 21 rows" in report.why


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_number_types_and_orders_are_taken(clustered, dtype: type) -> None:
    x = np.asfortranarray(clustered[:300].astype(dtype))
    table, _ = neighbours_of(x, 5)
    expected, _ = neighbours_of(np.ascontiguousarray(x, np.float32), 5)
    np.testing.assert_array_equal(table.ids, expected.ids)


@pytest.mark.parametrize("method", ["auto", "exact", "cells", "hnsw", "traverse_add"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_fewer_rows_than_neighbours_are_padded(clustered, method: str, rows: int) -> None:
    table, _ = neighbours_of(clustered[:rows], 7, method=method)
    assert table.ids.shape == (rows, 7)
    assert (table.ids[:, rows - 1 :] == NO_ROW).all()
    assert np.isinf(table.sq_distances[:, rows - 1 :]).all()
    assert (table.ids[:, : rows - 1] != NO_ROW).all()


@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_all_rows_equal(method: str) -> None:
    table, _ = neighbours_of(np.full((500, 3), 0.5), 10, method=method)
    np.testing.assert_array_equal(table.sq_distances, 0.0)
    assert all(len({*row.tolist(), q}) == 11 for q, row in enumerate(table.ids))


@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_budgets_are_met_or_refused(clustered, method: str) -> None:
    table, _ = neighbours_of(clustered, 20, method=method, memory_mib=12, threads=2)
    free, _ = neighbours_of(clustered, 20, method=method, threads=2)
    assert (table.ids == free.ids).mean() > 0.98
    with pytest.raises(InputError, match="memory_mib leaves 2 MiB to"):
        neighbours_of(np.repeat(clustered, 10, axis=0), 20, method=method, memory_mib=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "annoy"}, "graph method 'annoy' is unknown"),
        ({"neighbours": 0}, "neighbours is 0"),
        ({"parts": 0}, "parts is 0"),
        ({"parts": 51}, "parts is 51, but there are 50 rows"),
        ({"vectors": np.full((3, 2), np.nan)}, "rows 0, 1, 2 hold NaN"),
        ({"vectors": np.zeros((0, 2))}, "at least one row"),
    ],
)
def test_what_cannot_be_searched_is_refused(clustered, options: dict, message: str) -> None:
    arguments = {"vectors": clustered[:50], "neighbours": 3, **options}
    with pytest.raises(InputError, match=message):
        neighbours_of(**arguments)


def test_parameters_tell_their_method(clustered) -> None:
    for parameters, method in [
        (ExactParameters(), "exact"),
        (CellsParameters(probes=3), "cells"),
        (HnswParameters(ef=40), "hnsw"),
        (TraverseAddParameters(), "traverse_add"),
    ]:
        assert neighbours_of(clustered[:200], 5, parameters=parameters)[1].method == method


@pytest.mark.parametrize("method", ["exact", "hnsw", "traverse_add", "auto"])
@pytest.mark.parametrize("parts", [1, 3])
def test_other_queries_are_searched_for(method, parts, clustered):
    queries = np.ascontiguousarray(clustered[::40] + np.float32(0.01))
    own = np.where(np.arange(len(queries)) % 2, np.arange(len(queries)) * 40, NO_ROW)
    table, report = neighbours_of(
        clustered, 20, queries=queries, own=own, method=method, recall_target=0.98, parts=parts, threads=2
    )
    sq = np.square(clustered.astype(np.float64) - queries[:, None]).sum(axis=2)
    sq[own >= 0, own[own >= 0]] = np.inf
    expected = np.argsort(sq, axis=1, kind="stable")[:, :20]
    assert (table.ids == expected).mean() > (0.999 if report.method == "exact" else 0.97)
    np.testing.assert_allclose(table.sq_distances, np.take_along_axis(sq, table.ids, axis=1), rtol=1e-4)
    assert not (table.ids == own[:, None])[own >= 0].any()
    assert report.recall_rows == (0 if report.method == "exact" else len(queries))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"queries": np.zeros((4, 3))},
            "queries are of width 3 and the vectors that are searched of width 16",
        ),
        ({"own": np.zeros(4, np.int64)}, "own is given without queries"),
        (
            {"queries": np.ones((4, 16)), "own": np.zeros(3, np.int64)},
            "own is int64 of shape (3,) for 4 queries",
        ),
        ({"queries": np.ones((1, 16)), "own": np.array([3000])}, "give for each an int64 row below 3000"),
        ({"queries": np.full((4, 16), np.inf)}, "queries: rows 0, 1, 2, 3 hold NaN"),
    ],
)
def test_queries_that_do_not_fit_are_refused(arguments, message, clustered):
    with pytest.raises(InputError, match=re.escape(message)):
        neighbours_of(clustered, 5, **arguments)
