"""Cells: the set is divided into cells of near rows, and each query is searched for in the cells nearest to it.

This is an inverted file (Jégou, Douze, Schmid, TPAMI 2011) for the case that all rows are queries. Queries are taken in
the order of their cells, so that a block of them probes the same cells, and scattered reads become matrix products that
stay in the cache. As in ``exact``, products only propose candidates, and float32 differences decide: the result is
*exactly* the K nearest rows in the query's ``probes`` cells, at any number of threads and with any BLAS.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...checks import check_at_least
from ...compute.memory import Budget
from ...compute.npy import npy_bytes
from ...compute.threads import over_rows, read_only
from ...errors import InputError
from ...neighbours import NeighbourTable
from ..exact.bounds import greatest_norm
from ..exact.products import Float32Products
from ..exact.propose import Candidates, slacks
from ..index import check_queries, check_vectors
from ..parameters import CellsParameters
from ..pools import empty_pools, finish, pool_bytes
from ..remeasure import empty_table
from .kmeans import assign
from .nearest import homes_of_rows, nearest_by_differences, nearest_of_candidates
from .partition import Partition, divide
from .probing import LISTED, Probing, list_cells
from .rows import RowsByCell, in_memory, order_of

_QUERY_ROWS = 1024
"""Queries in a block: about five cells."""

_SMALLEST_QUERY_ROWS = 64


@dataclass(frozen=True, slots=True)
class _Block:
    """queries: float32 (B, D). ids: int64 (B,), global. homes: int32 (B,), the queries' own cells, ascending."""

    queries: NDArray[np.float32]
    ids: NDArray[np.int64]
    homes: NDArray[np.int32]


class CellsIndex:
    """See ``index.GraphIndex``. Holds the vectors in the order of their cells, and lists of near cells."""

    def __init__(
        self,
        stored: RowsByCell,
        partition: Partition,
        lists: NDArray[np.int32] | None,
        *,
        first_id: int,
        parameters: CellsParameters,
    ) -> None:
        rows = order_of(partition)
        sizes = np.bincount(partition.cell_of, minlength=len(partition.centres))
        self.first_id = first_id
        self.parameters = parameters
        self.partition = partition
        self._rows = read_only(rows)
        self._place_of = np.empty(len(rows), np.int32)
        self._place_of[rows] = np.arange(len(rows), dtype=np.int32)
        self._bounds = read_only(np.concatenate([[0], np.cumsum(sizes)]))
        self._vectors, self._sq_norms = stored.vectors, stored.sq_norms
        farthest = greatest_norm(stored.sq_norms, stored.vectors.shape[1])
        self._products = Float32Products(stored.origin, farthest)
        self.probing = Probing(partition.centres, lists)

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``. A query with fewer than ``neighbours`` rows in its cells searches all cells."""
        rows, width = self._vectors.shape
        check_queries(queries, query_ids, width, neighbours, threads)
        table = empty_table(len(queries), neighbours)
        largest = int(np.diff(self._bounds).max())
        wanted = min(rows, neighbours + 1)
        row_bytes = threads * (
            4 * (largest + 4 * width) + 2 * pool_bytes(wanted) + 24 * self.parameters.probes
        )
        budget = Budget(memory_mib, "a search of cells")
        budget = budget.take(table.ids.nbytes + table.sq_distances.nbytes, "its result")
        budget = budget.take(20 * len(queries), "the order of its queries")
        budget = budget.take(threads * 4 * largest * width, "a cell for each thread")
        step = budget.rows(row_bytes, at_most=_QUERY_ROWS, at_least=_SMALLEST_QUERY_ROWS)
        homes = self.homes(queries, query_ids, threads=threads)
        order = np.argsort(homes, kind="stable")

        def search_block(start: int, stop: int) -> None:
            places = order[start:stop]
            block = _Block(np.ascontiguousarray(queries[places]), query_ids[places], homes[places])
            self._search_block(block, table, places, wanted, largest)

        with self._products.one_thread():
            over_rows(search_block, len(queries), threads, step=step)
        return table

    @property
    def order(self) -> NDArray[np.int64]:
        """int64 (N,), local rows in the order of their cells: the fastest order to search for them in blocks."""
        return self._rows

    def vectors_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 (R, D), the vectors of local rows."""
        return self._vectors[self._place_of[rows]]

    def homes(
        self, queries: NDArray[np.float32], query_ids: NDArray[np.int64], *, threads: int
    ) -> NDArray[np.int32]:
        """int32 (Q,), the cell of each query. One that is not a row of this part gets that of the nearest centre."""
        homes = np.empty(len(queries), np.int32)
        homes_of_rows(
            read_only(queries),
            read_only(query_ids - self.first_id),
            self._vectors,
            read_only(self._place_of),
            read_only(self.partition.cell_of),
            homes,
        )
        own = homes >= 0
        if not own.all():
            homes[~own] = assign(np.ascontiguousarray(queries[~own]), self.partition.centres, threads=threads)
        return homes

    def save(self, path: Path) -> None:
        """See ``write``."""
        write(path, self.partition, self.probing.lists)

    def with_parameters(self, parameters: CellsParameters) -> "CellsIndex":
        """The same cells, searched with other ``probes``."""
        other = object.__new__(CellsIndex)
        other.__dict__.update(self.__dict__, parameters=parameters)
        return other

    def _search_block(
        self, block: _Block, table: NeighbourTable, places: NDArray[np.int64], wanted: int, largest: int
    ) -> None:
        cells = self.probing.nearest(block.queries, block.homes, self.parameters.probes)
        candidates = self._propose(block.queries, cells, wanted, largest)
        neighbours = table.neighbours
        found = empty_table(len(places), neighbours)
        given = self._vectors, self._rows, self.first_id
        nearest_of_candidates(
            block.queries, block.ids, *given, candidates.rows, found.ids, found.sq_distances
        )
        furthest = found.sq_distances[:, -1]
        in_doubt = candidates.bound.in_doubt(candidates.limits, furthest)
        doubtful = np.union1d(in_doubt, np.flatnonzero(np.isinf(furthest)))
        if len(doubtful):
            every = np.arange(len(self._bounds) - 1, dtype=np.int32)
            few = np.diff(self._bounds)[cells[doubtful]].sum(axis=1) <= neighbours
            for query, short in zip(doubtful.tolist(), few.tolist(), strict=True):
                nearest_by_differences(
                    block.queries[query],
                    block.ids[query],
                    *given,
                    self._bounds,
                    every if short else cells[query],
                    found.ids[query],
                    found.sq_distances[query],
                )
        table.ids[places] = found.ids
        table.sq_distances[places] = found.sq_distances

    def _propose(
        self, queries: NDArray[np.float32], cells: NDArray[np.int32], wanted: int, largest: int
    ) -> Candidates:
        """The candidates in each query's cells; their ``rows`` are positions in the order of cells, not local rows."""
        products = self._products
        asked, bound = products.queries(queries)
        limits = np.full(len(queries), np.inf, np.float32)
        pools = empty_pools(wanted, limits, slacks(bound, limits))
        asking, rows = np.empty_like(asked), np.empty((largest, products.width), products.dtype)
        room = np.empty(len(queries) * largest, products.dtype)
        for cell, members in _by_cell(cells):
            first, stop = self._bounds[cell], self._bounds[cell + 1]
            some, others = asking[: len(members)], rows[: stop - first]
            norms = self._sq_norms[first:stop]
            np.take(asked, members, axis=0, out=some, mode="clip")  # the default mode would buffer
            products.rows(self._vectors[first:stop], norms, others)
            found = room[: len(some) * len(others)].reshape(len(some), len(others))
            products.multiply(some, others, found)
            products.offer(found, norms, first, pools, members)
        finish(pools)
        return Candidates(pools.rows, pools.limits, bound)


def _by_cell(cells: NDArray[np.int32]):
    """Yield each cell with the queries, int32, that probe it. cells: (B, probes).

    Cells of most queries come first: they are the nearest, and their rows lower the limits for the cells after them.
    """
    flat = cells.ravel()
    order = np.argsort(flat, kind="stable")
    numbers, firsts, counts = np.unique(flat[order], return_index=True, return_counts=True)
    members = (order // cells.shape[1]).astype(np.int32)
    for i in np.argsort(-counts, kind="stable").tolist():
        yield int(numbers[i]), members[firsts[i] : firsts[i] + counts[i]]


def build(
    vectors: NDArray[np.float32],
    *,
    parameters: CellsParameters | None = None,
    seed: int = 0,
    threads: int = 1,
    first_id: int = 0,
    memory_mib: float | None = None,
    warm_start: NDArray[np.float32] | None = None,
) -> CellsIndex:
    """Divide float32 (N, D) vectors into cells, the same at any number of ``threads``.

    warm_start: float32 (C, D), centres to start from: those of an earlier index of nearly the same vectors.

    Raises: InputError when the index does not fit ``memory_mib``.
    """
    parameters = parameters or CellsParameters()
    check_vectors(vectors)
    check_at_least("threads", threads, 1)
    needed = index_bytes(len(vectors), vectors.shape[1], parameters)
    Budget(memory_mib, "building cells").take(needed, f"cells and vectors of {len(vectors)} rows")
    partition = divide(
        vectors, cell_rows=parameters.cell_rows, seed=seed, threads=threads, warm_start=warm_start
    )
    lists = list_cells(partition.centres, threads=threads)
    return CellsIndex(
        in_memory(vectors, partition), partition, lists, first_id=first_id, parameters=parameters
    )


def load(
    path: Path, vectors: NDArray[np.float32], *, first_id: int = 0, parameters: CellsParameters | None = None
) -> CellsIndex:
    """Open an index that ``save`` wrote, over the same vectors.

    parameters: ``probes`` may differ from that of the build. Raises: InputError when the file is not an index of
    vectors of this shape.
    """
    check_vectors(vectors)
    shape, partition, lists = read(path)
    if shape != vectors.shape:
        raise InputError(
            f"{path} was built of vectors of shape {shape}, and these have {vectors.shape}: build it again"
        )
    return CellsIndex(
        in_memory(vectors, partition),
        partition,
        lists,
        first_id=first_id,
        parameters=parameters or CellsParameters(),
    )


def write(path: Path, partition: Partition, lists: NDArray[np.int32] | None) -> None:
    """Write the vectors' shape, centres, cells and lists of near cells, as arrays in .npy format in one file."""
    with path.open("wb") as file:
        for array in (
            np.array([len(partition.cell_of), partition.centres.shape[1]], np.int64),
            partition.centres,
            partition.cell_of,
            np.empty((0, LISTED), np.int32) if lists is None else lists,
        ):
            file.write(npy_bytes(array))


def read(path: Path) -> tuple[tuple[int, int], Partition, NDArray[np.int32] | None]:
    """The vectors' shape, partition and lists of near cells. Raises: InputError when the file is no index of cells."""
    try:
        with path.open("rb") as file:
            shape, centres, cell_of, lists = (np.load(file, allow_pickle=False) for _ in range(4))
        rows, width = shape.tolist()
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is not an index of cells ({error}): build it again") from error
    if (
        centres.shape[1:] != (width,)
        or cell_of.shape != (rows,)
        or not 0 <= cell_of.min() <= cell_of.max() < len(centres)
    ):
        raise InputError(f"{path} is an inconsistent index of cells: build it again")
    return (rows, width), Partition(centres, cell_of), lists if len(lists) else None


def index_bytes(rows: int, width: int, parameters: CellsParameters) -> int:
    """Size of an index in bytes: a copy of the vectors, norms, cells and their order, centres, lists of near cells."""
    cells = max(1, rows // parameters.cell_rows)
    lists = 16 * LISTED if cells > LISTED else 0
    return rows * (4 * width + 24) + cells * (4 * width + lists)
