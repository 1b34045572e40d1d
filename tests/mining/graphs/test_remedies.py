"""The remedies named in the messages of searches work."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from remedies import Refusal
from tripletmine.mining.errors import InputError, RecallError
from tripletmine.mining.graphs import hnsw
from tripletmine.mining.graphs.build import neighbours_of
from tripletmine.mining.graphs.cells import index as cells
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.graphs.merge import merge_into, merge_tables
from tripletmine.mining.graphs.methods import build_index, default_parameters, load_index
from tripletmine.mining.graphs.parameters import ExactParameters, HnswParameters, TraverseAddParameters
from tripletmine.mining.graphs.recall import recall_at_k
from tripletmine.mining.graphs.remeasure import empty_table
from tripletmine.mining.graphs.traverse import build as traverse
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.mining.vectors import as_vectors

ROWS = 300
VECTORS = np.random.default_rng(0).normal(size=(ROWS, 8)).astype(np.float32)
IDS = np.arange(ROWS)
CROWDED = np.tile(VECTORS[:200], (3, 1))
CROWDED[::3] = CROWDED[0]
"""A third of the rows are copies of one: hnsw spends its links on them."""

exactly = partial(neighbours_of, VECTORS, 10, method="exact", threads=1)
INDEX = exact.build(VECTORS)
TABLE, _ = exactly()


def search(queries: np.ndarray = VECTORS, query_ids: np.ndarray = IDS, **more: int) -> NeighbourTable:
    """Search for the neighbours of the rows, or of other queries."""
    return INDEX.search(queries, query_ids=query_ids, **{"neighbours": 10, "threads": 1} | more)


OF_ARGUMENTS = {
    "more parts than rows": Refusal(
        lambda: exactly(parts=ROWS + 1), f"lower it to at most {ROWS}", lambda: exactly(parts=ROWS)
    ),
    "no parts": Refusal(lambda: exactly(parts=0), "at least 1: raise it", lambda: exactly(parts=1)),
    "no neighbours": Refusal(
        lambda: neighbours_of(VECTORS, 0, threads=1),
        "neighbours is 0 but must be at least 1: raise it",
        lambda: neighbours_of(VECTORS, 1, threads=1),
    ),
    "recall_target": Refusal(
        lambda: exactly(recall_target=99),
        "recall_target is 99 but must be above 0 and at most 1: give such a share",
        lambda: exactly(recall_target=0.99),
        lambda: exactly(recall_target=1),
    ),
    "an unknown method": Refusal(
        lambda: neighbours_of(VECTORS, 10, method="fast", threads=1),
        "use exact, cells, hnsw, traverse_add or auto",
        *(
            partial(neighbours_of, VECTORS, 10, method=method, threads=1)
            for method in ("exact", "cells", "hnsw", "traverse_add", "auto")
        ),
    ),
    "two methods": Refusal(
        lambda: exactly(parameters=HnswParameters()),
        "method is 'exact', but the parameters are of hnsw: pass one of them",
        exactly,
        lambda: neighbours_of(VECTORS, 10, parameters=HnswParameters(), threads=1),
    ),
    "queries of another model": Refusal(
        lambda: exactly(queries=VECTORS[:5, :4]),
        "embed both with one model",
        lambda: exactly(queries=VECTORS[:5]),
    ),
    "own without queries": Refusal(lambda: exactly(own=IDS), "leave own out", exactly),
    "own of other rows": Refusal(
        lambda: exactly(queries=VECTORS[:2], own=np.array([0, ROWS])),
        f"give for each an int64 row below {ROWS}, or -1",
        lambda: exactly(queries=VECTORS[:2], own=np.array([0, ROWS - 1])),
        lambda: exactly(queries=VECTORS[:2], own=np.array([0, -1])),
    ),
    "a recall out of reach": Refusal(
        lambda: neighbours_of(CROWDED, 20, method="hnsw", threads=1),
        "below recall_target = 0.99: use exact, or lower recall_target",
        lambda: neighbours_of(CROWDED, 20, method="exact", threads=1),
        lambda: neighbours_of(CROWDED, 20, method="hnsw", recall_target=0.2, threads=1),
    ),
    "memory for the index": Refusal(
        lambda: exactly(memory_mib=0),
        "leaves 0 MiB to a search by exact, which needs 0.01 MiB with the index of one part: raise memory_mib by at "
        "least 1",
        lambda: exactly(memory_mib=1),
    ),
    # Of the 2 MiB given, the search has what the tables of two parts leave.
    "memory for the search": Refusal(
        lambda: exactly(parts=2, memory_mib=2, queries=np.tile(VECTORS, (30, 1))),
        "memory_mib leaves 0.9008 MiB to an exact search, which needs 1.03 MiB with its result: raise memory_mib by at "
        "least 1",
        lambda: exactly(parts=2, memory_mib=3, queries=np.tile(VECTORS, (30, 1))),
    ),
}

OF_INDEXES = {
    "queries of another width": Refusal(
        lambda: search(VECTORS[:, :4].copy()), "pass queries of shape (Q, 8)", lambda: search(VECTORS)
    ),
    "queries of another type": Refusal(
        lambda: search(VECTORS.astype("f8")),
        "pass them through as_vectors",
        lambda: search(as_vectors(VECTORS.astype("f8"))),
    ),
    "vectors of another type": Refusal(
        lambda: exact.build(VECTORS.astype("f8")),
        "pass them through as_vectors",
        lambda: exact.build(as_vectors(VECTORS.astype("f8"))),
    ),
    "query_ids": Refusal(
        lambda: search(query_ids=IDS[:5]),
        f"give one int64 for each of the {ROWS} queries",
        lambda: search(query_ids=IDS),
    ),
    "threads of a search": Refusal(
        lambda: search(threads=0), "threads is 0 but must be at least 1: raise it", lambda: search(threads=1)
    ),
    **{
        f"threads to build {method.__name__.split('.')[-2:]}": Refusal(
            partial(method.build, VECTORS, threads=0),
            "threads is 0 but must be at least 1: raise it",
            partial(method.build, VECTORS, threads=1),
        )
        for method in (cells, hnsw, traverse)
    },
    "no tables": Refusal(
        lambda: merge_tables([], 10), "pass one per part of the set", lambda: merge_tables([TABLE], 10)
    ),
    "tables of other queries": Refusal(
        lambda: merge_tables([TABLE, search(VECTORS[:5], IDS[:5])], 10),
        "pass tables of the same queries",
        lambda: merge_tables([TABLE, TABLE], 10),
    ),
    "rows beyond the table": Refusal(
        lambda: merge_into(empty_table(ROWS, 10), TABLE, first=1),
        "pass fewer",
        lambda: merge_into(empty_table(ROWS, 10), search(VECTORS[1:], IDS[1:]), first=1),
    ),
    "tables that cannot be compared": Refusal(
        lambda: recall_at_k(search(neighbours=5), TABLE),
        "search for the same queries and the same number of neighbours",
        lambda: recall_at_k(search(), TABLE),
    ),
    "no edges": Refusal(
        lambda: TraverseAddParameters(trees=0, walks=0),
        "raise one of them",
        lambda: TraverseAddParameters(trees=1, walks=0),
        lambda: TraverseAddParameters(trees=0, walks=1),
    ),
    "keep": Refusal(
        lambda: neighbours_of(VECTORS, 10, parameters=TraverseAddParameters(keep=5), threads=1),
        "raise keep to at least 10",
        lambda: neighbours_of(VECTORS, 10, parameters=TraverseAddParameters(keep=10), threads=1),
    ),
    "ef": Refusal(
        lambda: neighbours_of(VECTORS, 10, parameters=HnswParameters(ef=5), threads=1),
        "raise ef to at least 11",
        lambda: neighbours_of(VECTORS, 10, parameters=HnswParameters(ef=11), threads=1),
    ),
    "a warm start of other rows": Refusal(
        lambda: traverse.build(VECTORS, warm_start=traverse.build(VECTORS[:100])),
        "start cold",
        lambda: traverse.build(VECTORS),
    ),
    "a warm table of other rows": Refusal(
        lambda: traverse.build(VECTORS[:100], warm_start=traverse.build(VECTORS[:100]), warm_table=TABLE),
        "pass the part's own rows",
        lambda: traverse.build(
            VECTORS[:100],
            warm_start=traverse.build(VECTORS[:100]),
            warm_table=NeighbourTable(TABLE.ids[:100], TABLE.sq_distances[:100]),
        ),
    ),
}

REFUSALS = OF_ARGUMENTS | OF_INDEXES


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_each_remedy_works(refusal: Refusal) -> None:
    refusal.require(InputError)


def test_a_graph_too_sparse_gets_more_links_and_candidates_or_gives_way_to_exact_search() -> None:
    search_all = partial(neighbours_of, CROWDED, 590, threads=1)
    Refusal(
        lambda: search_all(parameters=HnswParameters(m=2, ef_construction=4, ef=600)),
        "the graph is too sparse, raise m and ef_construction, then ef, or use exact",
        lambda: search_all(parameters=HnswParameters(m=64, ef_construction=600, ef=600)),
        lambda: search_all(method="exact"),
    ).require(RecallError)


def test_a_graph_too_large_is_built_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traverse, "_MOST_ROWS", ROWS - 1)
    Refusal(
        lambda: traverse.build(VECTORS),
        f"build it in parts of at most {ROWS - 1}",
        lambda: [traverse.build(VECTORS[:-1]), traverse.build(VECTORS[-1:], first_id=ROWS - 1)],
    ).require(InputError)


def test_a_device_that_is_not_there_gives_way_to_one_that_is() -> None:
    on = partial(ExactParameters, "torch")
    Refusal(
        lambda: neighbours_of(VECTORS, 10, parameters=on(("cpu", "cuda:99")), threads=1),
        "devices are cpu, cuda:99, and not all can be used",
        lambda: neighbours_of(VECTORS, 10, parameters=on(("cpu",)), threads=1),
    ).require(InputError)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_its_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_other_vectors(path: Path) -> None:
    method = default_parameters(path.name, 10)
    build_index(VECTORS[:100], parameters=method, seed=0, threads=1).save(path)


@pytest.mark.parametrize("damage", [cut_short, without_its_end, emptied, of_other_vectors])
@pytest.mark.parametrize("method", ["exact", "cells", "hnsw", "traverse_add"])
def test_an_index_that_is_none_is_built_again(
    method: str, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path, parameters = tmp_path / method, default_parameters(method, 10)
    load = exact.load if method == "exact" else partial(load_index, parameters=parameters)

    def build_again() -> object:
        build_index(VECTORS, parameters=parameters, seed=0, threads=1).save(path)
        return load(path, VECTORS)

    build_again()
    damage(path)
    Refusal(lambda: load(path, VECTORS), "build it again", build_again).require(InputError)
