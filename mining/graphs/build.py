"""Nearest neighbours of any vectors, in one call."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_at_least
from ..compute.threads import usable_threads
from ..defaults import RECALL_TARGET
from ..errors import InputError
from ..neighbours import NeighbourTable
from ..vectors import as_vectors
from .cells.index import CellsIndex
from .index import BLOCK_ROWS
from .merge import merge_into
from .methods import Method, Parameters, build_index, method_of
from .parameters import ExactParameters
from .recall import recall_at_k
from .remeasure import empty_table
from .steps import Search, asked_of, by_method, calibrated, left_for_search, other_sample, part_ranges
from .traverse.build import TraverseAddIndex


@dataclass(frozen=True, slots=True)
class GraphReport:
    """How a neighbour table was found.

    method, why: the search method and why it was used. parts: number of parts, each with its own index. parameters:
    of the search, after calibration. recall: of the table against exact search, measured on recall_rows rows (0 rows
    for exact search itself). tried: (effort, recall) of each calibration step; empty if parameters were given.
    arrived: share of random walks that reach their target, the lowest over the parts; traverse_add only.
    """

    method: Method
    why: str
    parts: int
    parameters: Parameters
    recall: float
    recall_rows: int
    tried: tuple[tuple[int, float], ...]
    arrived: float | None


def neighbours_of(
    vectors: ArrayLike,
    neighbours: int,
    *,
    method: str = "auto",
    parameters: Parameters | None = None,
    recall_target: float = RECALL_TARGET,
    parts: int = 1,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
    queries: ArrayLike | None = None,
    own: NDArray[np.int64] | None = None,
) -> tuple[NeighbourTable, GraphReport]:
    """The ``neighbours`` nearest rows of each row or query, and a report of how they were found.

    vectors: (N, D) numbers. queries: (Q, D) numbers to search ``vectors`` for; by default the vectors themselves, and
    a row is never its own neighbour. own: int64 (Q,), for each query the row of ``vectors`` to leave out, −1 for none
    (the default). method: "exact", "cells", "hnsw", "traverse_add" or "auto". parameters: search with these instead of
    naming a method; without them the effort is raised until ``recall_target`` is reached on a sample. parts: split the
    set to bound the size of one index; every part is searched and the results are merged. threads: by default
    ``usable_threads()``. memory_mib: limit of what is allocated beside the vectors, result included.

    If the method that "auto" chose does not reach ``recall_target`` (many copies of one vector can make others
    unreachable), exact search is used instead, and the report's ``why`` says so.

    Results are the same for a seed at any ``threads``, except that several threads build a different hnsw index each
    time; "auto" never chooses hnsw.

    Raises: InputError: invalid vectors (see ``as_vectors``), a memory budget that cannot be met, or a recall target
    that the method asked for does not reach.
    """
    array = as_vectors(vectors)
    rows = len(array)
    check_at_least("parts", parts, 1)
    if parts > rows:
        raise InputError(f"parts is {parts}, but there are {rows} rows: lower it to at most {rows}")
    asked = asked_of(array, queries, own)
    search = Search(
        array, asked, neighbours, recall_target, parts, threads or usable_threads(), seed, memory_mib
    )
    if parameters is not None:
        if method not in ("auto", method_of(parameters)):
            raise InputError(
                f"method is {method!r}, but the parameters are of {method_of(parameters)}: pass one of them"
            )
        return _searched(search, parameters, "as asked", given=True)
    return by_method(
        search, method, lambda tuned, why: _searched(search, tuned, why, given=False), held=len(asked.vectors)
    )


def stream_neighbours(
    vectors: ArrayLike,
    neighbours: int,
    write: Callable[[NDArray[np.int64], NeighbourTable], None],
    *,
    method: str = "auto",
    recall_target: float = RECALL_TARGET,
    threads: int | None = None,
    seed: int = 0,
    memory_mib: int | None = None,
) -> GraphReport:
    """Like ``neighbours_of``, but the table is never in memory as a whole.

    write: called with some rows, int64 (R,), and their lines of the table, until each row has been passed once. The
    method decides on the order.
    """
    array = as_vectors(vectors)
    asked = asked_of(array, None, None)
    search = Search(array, asked, neighbours, recall_target, 1, threads or usable_threads(), seed, memory_mib)
    return by_method(
        search,
        method,
        lambda tuned, why: _streamed(search, tuned, why, write),
        held=min(BLOCK_ROWS, len(array)),
    )


def _streamed(
    search: Search,
    parameters: Parameters,
    why: str,
    write: Callable[[NDArray[np.int64], NeighbourTable], None],
) -> GraphReport:
    array, neighbours, threads, seed = search.vectors, search.neighbours, search.threads, search.seed
    rows, width = array.shape
    held = min(BLOCK_ROWS, rows)
    search_mib = left_for_search(search.memory_mib, rows, held, width, neighbours, 1, parameters)
    index = build_index(array, parameters=parameters, seed=seed, threads=threads)
    tried: tuple[tuple[int, float], ...] = ()
    sample = None
    if not isinstance(parameters, ExactParameters):
        calibration = calibrated(index, array, search, search_mib)
        index, parameters, tried = calibration.index, calibration.index.parameters, calibration.tried
        sample = other_sample(search, search_mib)
    order = index.order if isinstance(index, CellsIndex) else np.arange(rows, dtype=np.int64)
    of_sample = empty_table(0 if sample is None else len(sample.rows), neighbours)
    for first in range(0, rows, BLOCK_ROWS):
        # Ascending: the search does not mind the order within a block, and writing is faster.
        some = np.sort(order[first : first + BLOCK_ROWS])
        found = index.search(
            array[some], query_ids=some, neighbours=neighbours, threads=threads, memory_mib=search_mib
        )
        if sample is not None:
            place = np.minimum(np.searchsorted(some, sample.rows), len(some) - 1)
            here = some[place] == sample.rows
            of_sample.ids[here] = found.ids[place[here]]
            of_sample.sq_distances[here] = found.sq_distances[place[here]]
        write(some, found)
    recall = 1.0 if sample is None else recall_at_k(of_sample, sample.truth)
    arrived = index.report.arrived if isinstance(index, TraverseAddIndex) else None
    return GraphReport(method_of(parameters), why, 1, parameters, recall, len(of_sample), tried, arrived)


def _searched(
    search: Search, parameters: Parameters, why: str, *, given: bool
) -> tuple[NeighbourTable, GraphReport]:
    """given: use the user's parameters as they are, whatever recall they reach."""
    array, neighbours, parts = search.vectors, search.neighbours, search.parts
    threads, seed, memory_mib = search.threads, search.seed, search.memory_mib
    rows, width = array.shape
    queries, own = search.asked.vectors, search.asked.own
    search_mib = left_for_search(memory_mib, rows, len(queries), width, neighbours, parts, parameters)
    # A single part's result is the table itself; those of several parts are merged into it, block by block.
    table = empty_table(len(queries) if parts > 1 else 0, neighbours)
    rows_at_once = BLOCK_ROWS if parts > 1 else len(queries)
    tried: tuple[tuple[int, float], ...] = ()
    arrived: float | None = None
    for start, stop in part_ranges(rows, parts):
        part = array[start:stop]
        index = build_index(part, parameters=parameters, seed=seed, threads=threads, first_id=start)
        if start == 0 and not given and not isinstance(parameters, ExactParameters):
            calibration = calibrated(index, part, search, search_mib)
            index, parameters, tried = calibration.index, calibration.index.parameters, calibration.tried
        if isinstance(index, TraverseAddIndex):
            arrived = min(index.report.arrived, 1.0 if arrived is None else arrived)
        for first in range(0, len(queries), rows_at_once):
            block = slice(first, first + rows_at_once)
            found = index.search(
                queries[block],
                query_ids=own[block],
                neighbours=neighbours,
                threads=threads,
                memory_mib=search_mib,
            )
            if parts == 1:
                table = found
            else:
                merge_into(table, found, first=first)
    recall, recall_rows = 1.0, 0
    if not isinstance(parameters, ExactParameters):
        recall, recall_rows = _recall_of(table, search, search_mib)
    report = GraphReport(method_of(parameters), why, parts, parameters, recall, recall_rows, tried, arrived)
    return table, report


def _recall_of(table: NeighbourTable, search: Search, memory_mib: float | None) -> tuple[float, int]:
    sample = other_sample(search, memory_mib)
    found = NeighbourTable(table.ids[sample.rows], table.sq_distances[sample.rows])
    return recall_at_k(found, sample.truth), len(sample.rows)
