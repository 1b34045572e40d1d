"""A traverse-add graph that can be searched and saved."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...compute.memory import Budget
from ...compute.threads import over_rows, read_only
from ...errors import InputError
from ...neighbours import NO_ROW, NeighbourTable
from ..exact import index as exact
from ..index import BLOCK_ROWS, check_queries
from ..parameters import TraverseAddParameters
from ..remeasure import empty_table, remeasure
from .beam_search import nearest_start, search_rows
from .report import TraverseAddReport

_STARTS = 64
"""Vertices where the search begins for a query that is no vertex (the paper: the one nearest to the centroid)."""


class TraverseAddIndex:
    """See ``index.GraphIndex``.

    edges: int32 (N, max_degree), ascending in length, −1 pads. candidates: int32 (N, C), where the search for a vertex
    begins. order: int32 (N,), a permutation that puts near vertices together.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        edges: NDArray[np.int32],
        candidates: NDArray[np.int32],
        order: NDArray[np.int32],
        *,
        first_id: int,
        parameters: TraverseAddParameters,
        report: TraverseAddReport,
    ) -> None:
        self._vectors = read_only(vectors)
        self.edges = read_only(edges)
        self.candidates = read_only(candidates)
        self.order = read_only(order)
        self.first_id = first_id
        self.parameters = parameters
        self.report = report
        self._starts = read_only(order[:: max(1, len(order) // _STARTS)].copy())
        self._place = np.empty(len(order), np.int32)
        self._place[order] = np.arange(len(order), dtype=np.int32)

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``. A query for which the graph yields too few neighbours is searched exactly."""
        rows, width = self._vectors.shape
        check_queries(queries, query_ids, width, neighbours, threads)
        self._check_keep(neighbours)
        table = empty_table(len(queries), neighbours)
        budget = Budget(memory_mib, "a traverse_add search")
        budget = budget.take(table.ids.nbytes + table.sq_distances.nbytes, "its result")
        budget = budget.take(threads * 4 * rows, "a mark for every vertex and thread")
        query_bytes = 4 * (self.parameters.keep + width) + 32
        step = budget.rows(query_bytes, at_most=min(len(queries), BLOCK_ROWS))
        for first in range(0, len(queries), step):
            block = slice(first, first + step)
            into = NeighbourTable(table.ids[block], table.sq_distances[block])
            self._search_block(queries[block], query_ids[block], into, threads)
        self._complete(table, queries, query_ids, threads, memory_mib)
        return table

    def save(self, path: Path) -> None:
        """Write edges, candidates, order and report as an .npz of plain arrays (no pickle). Equal graphs give equal
        bytes."""
        report = self.report
        with path.open("wb") as file:
            np.savez(
                file,
                edges=self.edges,
                candidates=self.candidates,
                order=self.order,
                width=np.int64(self._vectors.shape[1]),
                report=np.array([report.walks, report.arrived, report.mean_degree, report.warm], np.float64),
            )

    def with_parameters(self, parameters: TraverseAddParameters) -> "TraverseAddIndex":
        """The same graph, searched with other parameters."""
        return TraverseAddIndex(
            self._vectors,
            self.edges,
            self.candidates,
            self.order,
            first_id=self.first_id,
            parameters=parameters,
            report=self.report,
        )

    def _search_block(
        self, queries: NDArray[np.float32], query_ids: NDArray[np.int64], into: NeighbourTable, threads: int
    ) -> None:
        own = self._own(query_ids)
        order = self._near_queries_together(queries, own, threads)
        found = np.empty((len(queries), self.parameters.keep), np.int32)
        search_all(
            read_only(queries),
            self._vectors,
            self.edges,
            self.candidates,
            own,
            self._starts,
            order,
            self.parameters.distances,
            found,
            threads,
        )
        remeasure(
            queries,
            self._vectors,
            found,
            query_ids=query_ids,
            neighbours=into.neighbours,
            first_id=self.first_id,
            threads=threads,
            order=order,
            into=into,
        )

    def _own(self, query_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        local = query_ids - self.first_id
        return np.where((local >= 0) & (local < len(self._vectors)), local, -1).astype(np.int32)

    def _near_queries_together(
        self, queries: NDArray[np.float32], own: NDArray[np.int32], threads: int
    ) -> NDArray[np.int32]:
        place = self._place[own]
        outside = np.flatnonzero(own < 0)
        if len(outside):
            nearest = np.empty(len(outside), np.int32)
            some, starts = read_only(queries[outside]), self._starts

            def kernel(start: int, stop: int) -> None:
                nearest_start(some, self._vectors, starts, start, stop, nearest)

            over_rows(kernel, len(outside), threads)
            place[outside] = self._place[starts[nearest]]
        return np.argsort(place, kind="stable").astype(np.int32)

    def _complete(
        self,
        table: NeighbourTable,
        queries: NDArray[np.float32],
        query_ids: NDArray[np.int64],
        threads: int,
        memory_mib: float | None,
    ) -> None:
        """Search exactly for queries with too few neighbours: the graph was not connected, or the budget ran out."""
        others = len(self._vectors) - (self._own(query_ids) >= 0)
        short = np.flatnonzero((table.ids != NO_ROW).sum(axis=1) < np.minimum(others, table.neighbours))
        if len(short):
            whole = exact.build(self._vectors, first_id=self.first_id).search(
                queries[short],
                query_ids=query_ids[short],
                neighbours=table.neighbours,
                threads=threads,
                memory_mib=memory_mib,
            )
            table.ids[short] = whole.ids
            table.sq_distances[short] = whole.sq_distances

    def _check_keep(self, neighbours: int) -> None:
        wanted = min(neighbours, len(self._vectors))
        if self.parameters.keep < wanted:
            raise InputError(
                f"keep is {self.parameters.keep}, fewer than the {wanted} neighbours wanted: raise keep to at least "
                f"{wanted} (recall needs about a third more)"
            )


def search_all(
    queries,
    vectors,
    edges,
    candidates,
    own,
    starts,
    order,
    budget: int,
    found: NDArray[np.int32],
    threads: int,
) -> None:
    """Run ``beam_search.search_rows`` for all queries, in several threads."""
    queries, vectors, edges, candidates, own, starts, order = (
        read_only(array) for array in (queries, vectors, edges, candidates, own, starts, order)
    )

    def kernel(start: int, stop: int) -> None:
        search_rows(queries, vectors, edges, candidates, own, starts, order, budget, start, stop, found)

    over_rows(kernel, len(queries), threads)
