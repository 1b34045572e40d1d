"""Exact search: blocked matrix products with a running top-K, then distances by differences.

|q − x|² = |q|² + |x|² − 2 q·x turns the search into matrix products, which run at the machine's full speed but round
worse than differences. So products only propose candidates, including every row that rounding could have kept out, and
candidates are measured by differences. If a query has too many of them (many rows at nearly the same distance), it is
searched again: after bfloat16 products by float32 ones, after those by differences alone. The result is therefore
*exactly* the K least (distance, id) with distances by float32 differences, whatever the block sizes, threads, library
and precision of the products. All other methods are tested against it.
"""

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...compute.distances import sq_distance
from ...compute.memory import Budget
from ...compute.npy import npy_bytes
from ...compute.threads import over_rows, read_only
from ...errors import InputError
from ...neighbours import NeighbourTable
from ..index import check_queries, check_vectors
from ..parameters import ExactParameters
from ..remeasure import empty_table, insert_nearest, remeasure
from . import bfloat16
from .bounds import greatest_norm, mean_of, measure_about
from .mutual import MutualProposer, own_rows
from .products import Float32Products
from .propose import BlockProposer, BlockShape, Proposer

_FLOAT32_BLOCK = BlockShape(queries=1024, rows=256)
_BFLOAT16_BLOCK = BlockShape(queries=2048, rows=512)

_LOOK = 512
"""Queries on which coarse products are tried first."""

_MOST_DOUBT = 0.25
"""Coarse products are used for the rest if at most this share of those queries is left in doubt and must be searched
again. On embeddings of ten tight classes the share is a half; on embeddings of many classes it is zero."""

_FEW_QUERIES = 8
"""Queries that a thread searches by differences at a time: each takes long."""


class ExactIndex:
    """See ``index.GraphIndex``. Holds the vectors, the origin that products are taken about, and norms."""

    def __init__(self, vectors: NDArray[np.float32], *, first_id: int, parameters: ExactParameters) -> None:
        self._vectors = read_only(vectors)
        self.first_id = first_id
        self.parameters = parameters
        # The origin does not change distances, and products about the mean round less.
        self._origin = mean_of(self._vectors)
        self._sq_norms = np.empty(len(vectors), np.float32)
        measure_about(self._vectors, self._origin, self._sq_norms)
        self._farthest = greatest_norm(self._sq_norms, vectors.shape[1])
        self._on_devices = None
        if parameters.engine == "torch":
            from .devices import DeviceProposer

            given = self._vectors, self._sq_norms, self._origin, self._farthest
            self._on_devices = DeviceProposer(*given, parameters)

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``."""
        check_queries(queries, query_ids, self._vectors.shape[1], neighbours, threads)
        table = empty_table(len(queries), neighbours)
        budget = Budget(memory_mib, "an exact search")
        budget = budget.take(table.ids.nbytes + table.sq_distances.nbytes, "its result")
        budget = budget.take(8 * len(queries), "the order of its queries")
        left = np.arange(len(queries))

        def search_by(proposer: Proposer, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
            return self._search_by(proposer, queries, query_ids, chosen, table, threads, budget)

        *coarse, fine = self._proposers(len(queries), budget)
        for proposer in coarse:
            looked, rest = left[:_LOOK], left[_LOOK:]
            left = search_by(proposer, looked)
            pays = len(left) <= _MOST_DOUBT * len(looked)
            left = np.concatenate([left, search_by(proposer, rest) if pays and len(rest) else rest])
        if not coarse and (mutual := self._mutual(fine, queries, query_ids, neighbours, threads, budget)):
            left = self._search_mutually(mutual, queries, query_ids, table, threads)
        elif len(left):
            left = search_by(fine, left)

        def search_rest(start: int, stop: int) -> None:
            given = read_only(queries), self._vectors, read_only(query_ids), self.first_id
            _search_by_differences(*given, left[start:stop], table.ids, table.sq_distances)

        over_rows(search_rest, len(left), threads, step=_FEW_QUERIES)
        return table

    def save(self, path: Path) -> None:
        """Write the vectors' shape, for ``load`` to check: searching needs only the vectors."""
        path.write_bytes(npy_bytes(np.array(self._vectors.shape, np.int64)))

    def _search_by(
        self,
        proposer: Proposer,
        queries: NDArray[np.float32],
        query_ids: NDArray[np.int64],
        chosen: NDArray[np.int64],
        table: NeighbourTable,
        threads: int,
        budget: Budget,
    ) -> NDArray[np.int64]:
        """Search for the ``chosen`` queries. Returns those left in doubt, int64, ascending."""
        wanted = min(len(self._vectors), table.neighbours + 1)
        workers = proposer.workers(threads)
        step = proposer.block_rows(budget, wanted, threads)
        doubtful = [chosen[:0]]

        def search_block(start: int, stop: int) -> None:
            places = chosen[start:stop]
            block = queries[places]
            candidates = proposer.propose(block, wanted)
            remeasure(
                block,
                self._vectors,
                candidates.rows,
                query_ids=query_ids[places],
                neighbours=table.neighbours,
                first_id=self.first_id,
                threads=max(1, threads // workers),
                into=table,
                places=places.astype(np.int32),
            )
            furthest = table.sq_distances[places, -1]
            doubtful.append(places[candidates.bound.in_doubt(candidates.limits, furthest)])

        over_rows(search_block, len(chosen), workers, step=step)
        return np.sort(np.concatenate(doubtful))

    def _mutual(
        self,
        one_way: Proposer,
        queries: NDArray[np.float32],
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        budget: Budget,
    ) -> MutualProposer | None:
        """The proposer for queries that are rows of this index, if it fits."""
        asking = own_rows(queries, query_ids, self._vectors, self.first_id)
        wanted = min(len(self._vectors), neighbours + 1)
        if asking is None or not isinstance(one_way, BlockProposer):
            return None
        if not MutualProposer.fits(budget, len(queries), queries.shape[1], wanted, threads):
            return None
        return MutualProposer(one_way, self._vectors, self._sq_norms, self._origin, self._farthest, asking)

    def _search_mutually(
        self,
        proposer: MutualProposer,
        queries: NDArray[np.float32],
        query_ids: NDArray[np.int64],
        table: NeighbourTable,
        threads: int,
    ) -> NDArray[np.int64]:
        """Search for all queries at once. Returns those left in doubt, int64, ascending."""
        candidates = proposer.propose(min(len(self._vectors), table.neighbours + 1), threads)
        remeasure(
            queries,
            self._vectors,
            candidates.rows,
            query_ids=query_ids,
            neighbours=table.neighbours,
            first_id=self.first_id,
            threads=threads,
            into=table,
        )
        return candidates.bound.in_doubt(candidates.limits, table.sq_distances[:, -1])

    def _proposers(self, queries: int, budget: Budget) -> list[Proposer]:
        """The proposers to use in turn, each for the queries that the one before left in doubt."""
        rows, width = self._vectors.shape
        about = self._origin, self._farthest
        given = self._vectors, self._sq_norms
        float32 = BlockProposer(Float32Products(*about), _FLOAT32_BLOCK, *given)
        if self._on_devices is not None:
            return [self._on_devices, float32]
        precision = self.parameters.precision
        if precision == "auto" and bfloat16.pays(rows, queries, width, left_mib=budget.left_mib):
            precision = "bfloat16"
        if precision == "bfloat16":
            products = bfloat16.Bfloat16Products(self._vectors, *about)
            return [BlockProposer(products, _BFLOAT16_BLOCK, *given), float32]
        return [float32]


def build(
    vectors: NDArray[np.float32], *, first_id: int = 0, parameters: ExactParameters | None = None
) -> ExactIndex:
    """An index over float32 (N, D) vectors, which are not copied."""
    check_vectors(vectors)
    return ExactIndex(vectors, first_id=first_id, parameters=parameters or ExactParameters())


def load(
    path: Path, vectors: NDArray[np.float32], *, first_id: int = 0, parameters: ExactParameters | None = None
) -> ExactIndex:
    """Open an index that ``save`` wrote. Raises: InputError when it was written for vectors of another shape."""
    check_vectors(vectors)
    with path.open("rb") as file:
        try:
            shape = tuple(np.load(file, allow_pickle=False).tolist())
        except (ValueError, EOFError) as error:
            raise InputError(f"{path} is not an index of exact search ({error}): build it again") from error
    if shape != vectors.shape:
        raise InputError(
            f"{path} was built of vectors of shape {shape}, and these have {vectors.shape}: build it again"
        )
    return build(vectors, first_id=first_id, parameters=parameters)


def index_bytes(rows: int, width: int) -> int:  # noqa: ARG001 - as for all methods
    """Size of an index in bytes, beside the vectors: their norms."""
    return 4 * rows


@njit(nogil=True, cache=True)
def _search_by_differences(queries, vectors, own, first_id, chosen, ids, sq_distances):
    """Search all rows for the chosen queries, the slow way, and overwrite their lines of the table."""
    for i in range(chosen.shape[0]):
        q = chosen[i]
        kept = 0
        for row in range(vectors.shape[0]):
            if row + first_id != own[q]:
                sq = sq_distance(queries[q], vectors[row])
                kept = insert_nearest(ids[q], sq_distances[q], kept, row + first_id, sq)
