"""Exact search: blocked matrix products with a running top-K, then distances by differences.

|q − x|² = |q|² + |x|² − 2 q·x turns the search into matrix products, which the BLAS does at the speed of the machine,
but rounds worse than differences do. So the products only propose: ``SLACK`` candidates more than needed are kept and
re-measured by differences, and where the rounding could have kept a true neighbour out (many rows at nearly the same
distance), that query is searched again by differences alone. The result is therefore *exactly* the K least (distance,
id), with distances by float32 differences: independent of block sizes, threads and BLAS, and the oracle of the rest.

Most of the time beyond the products would go to candidates that nearer ones push out again. So a sample of the rows
says first how near a candidate has to be, and all but a few rows are passed over at a glance.
"""

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..compute.blas import one_blas_thread
from ..compute.distances import sq_distance
from ..compute.memory import Budget
from ..compute.npy import npy_bytes
from ..compute.threads import over_rows, read_only
from ..errors import InputError
from ..neighbours import NeighbourTable
from .index import check_queries, check_vectors
from .parameters import ExactParameters
from .pools import finish, offer
from .remeasure import empty_table, insert_nearest, remeasure

SLACK = 16
"""Candidates beyond K. On real embeddings they span far more than the rounding of the products."""

_QUERY_ROWS = 1024
_COLUMNS = 256
"""The largest block of products, 1 MiB: it stays in a core's cache until it has been looked through."""

_SMALLEST_QUERY_ROWS = 8

_SAMPLED_SHARE = 32
_MOST_SAMPLED = 2048
"""One row in 32, and at most so many, say which candidates are near: they cost 3 % more products."""

ROUNDING = 2.0**-24
"""Of float32: half the last place of a number, as a share of it."""


class ExactIndex:
    """See ``index.GraphIndex``: the vectors themselves, the origin that the products are taken about, and norms."""

    def __init__(self, vectors: NDArray[np.float32], *, first_id: int, parameters: ExactParameters) -> None:
        self._vectors = read_only(vectors)
        self.first_id = first_id
        self.parameters = parameters
        # Distances do not change when the origin moves, and products about the mean round less.
        self._origin = mean_of(self._vectors)
        self._sq_norms = np.empty(len(vectors), np.float32)
        measure_about(self._vectors, self._origin, self._sq_norms)

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``. A block of queries belongs to one thread, and meets all rows in turn."""
        rows, width = self._vectors.shape
        check_queries(queries, query_ids, width, neighbours, threads)
        table = empty_table(len(queries), neighbours)
        keep = min(rows, neighbours + 1 + SLACK)
        columns = min(_COLUMNS, rows)
        sample = self._sample()
        query_bytes = 4 * (columns + len(sample) + 2 * width) + 16 * keep
        budget = Budget(memory_mib, "an exact search")
        budget = budget.take(table.ids.nbytes + table.sq_distances.nbytes, "its result")
        budget = budget.take(threads * 4 * columns * width, "a block of rows for each thread")
        budget = budget.take(8 * sample.size, "a sample of the rows")
        step = budget.rows(threads * query_bytes, at_most=_QUERY_ROWS, at_least=_SMALLEST_QUERY_ROWS)

        def search_block(start: int, stop: int) -> None:
            into = NeighbourTable(table.ids[start:stop], table.sq_distances[start:stop])
            self._search_block(queries[start:stop], query_ids[start:stop], into, sample, keep, columns)

        with one_blas_thread():
            over_rows(search_block, len(queries), threads, step=step)
        return table

    def save(self, path: Path) -> None:
        """Nothing but the vectors is needed to search: the file holds their shape, so that ``load`` can check it."""
        path.write_bytes(npy_bytes(np.array(self._vectors.shape, np.int64)))

    def _search_block(
        self,
        queries: NDArray[np.float32],
        query_ids: NDArray[np.int64],
        into: NeighbourTable,
        sample: NDArray[np.float32],
        keep: int,
        columns: int,
    ) -> None:
        candidates, limits = self._propose(queries, sample, keep, columns)
        remeasure(
            queries,
            self._vectors,
            candidates,
            query_ids=query_ids,
            neighbours=into.neighbours,
            first_id=self.first_id,
            into=into,
        )
        if keep < len(self._vectors):
            doubtful = in_doubt(queries, self._origin, limits, into.sq_distances[:, -1])
            some = read_only(queries), self._vectors, read_only(query_ids)
            _search_by_differences(*some, self.first_id, doubtful, into.ids, into.sq_distances)

    def _sample(self) -> NDArray[np.float32]:
        """Some rows, about the origin, drawn without replacement; the result does not depend on which."""
        rows = len(self._vectors)
        drawn = np.random.default_rng(0).choice(
            rows, min(rows // _SAMPLED_SHARE, _MOST_SAMPLED), replace=False, shuffle=False
        )
        return self._vectors[np.sort(drawn)] - self._origin

    def _first_limits(
        self, about: NDArray[np.float32], sample: NDArray[np.float32], keep: int
    ) -> NDArray[np.float32]:
        """Keys (B,) that at least ``keep`` rows are below, nearly always; infinite where the sample is too small.

        The sample holds keep · len(sample) / rows of the nearest on average, and with four deviations more than that
        it is one query in thousands that is left short of candidates. That query is then in doubt, like any other whose
        limit is too low.
        """
        expected = keep * len(sample) / len(self._vectors)
        rank = int(np.ceil(expected + 4 * np.sqrt(expected)))
        if rank >= len(sample):
            return np.full(len(about), np.inf, np.float32)
        keys = about @ sample.T
        keys *= -2
        keys += np.einsum("ij,ij->i", sample, sample)
        keys.partition(rank, axis=1)
        return keys[:, rank].copy()

    def _propose(
        self, queries: NDArray[np.float32], sample: NDArray[np.float32], keep: int, columns: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Local rows (B, 2 · keep) with the ``keep`` least keys |x|² − 2 q·x, −1 pads, and keys that the rest are not
        below."""
        rows, width = self._vectors.shape
        room = 2 * keep
        about = queries - self._origin
        keys = np.empty((len(queries), room), np.float32)
        candidates = np.empty((len(queries), room), np.int32)
        counts = np.zeros(len(queries), np.int32)
        limits = self._first_limits(about, sample, keep)
        moved = np.empty((columns, width), np.float32)
        products = np.empty(len(queries) * columns, np.float32)
        for first in range(0, rows, columns):
            norms = self._sq_norms[first : first + columns]
            some = moved[: len(norms)]
            np.subtract(self._vectors[first : first + columns], self._origin, out=some)
            block = products[: len(queries) * len(norms)].reshape(len(queries), len(norms))
            np.dot(about, some.T, out=block)
            offer(block, norms, first, keys, candidates, counts, limits, keep)
        finish(keys, candidates, counts, limits, keep)
        return candidates, limits


def build(vectors: NDArray[np.float32], *, first_id: int = 0) -> ExactIndex:
    """An index over float32 (N, D) vectors, which are not copied."""
    check_vectors(vectors)
    return ExactIndex(vectors, first_id=first_id, parameters=ExactParameters())


def load(path: Path, vectors: NDArray[np.float32], *, first_id: int = 0) -> ExactIndex:
    """Open what ``save`` wrote. Raises: InputError when it was written for vectors of another shape."""
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
    return build(vectors, first_id=first_id)


def index_bytes(rows: int, width: int) -> int:  # noqa: ARG001 - as for all methods
    """Bytes that an index takes beside the vectors: their norms."""
    return 4 * rows


def in_doubt(
    queries: NDArray[np.float32],
    origin: NDArray[np.float32],
    limits: NDArray[np.float32],
    furthest: NDArray[np.float32],
    *,
    product_error: float = 0.0,
) -> NDArray[np.int64]:
    """Queries whose K-th neighbour is not nearer than every row left out, rounding allowed for.

    limits: keys (Q,) about the origin that no row left out is below, as the products have them. furthest: d² (Q,) of
    the K-th. To be a neighbour in truth the norm of a row is at most |q| + d_K, so the three terms of its distance are
    off by less than (D + 8) 2⁻²⁴ (2|q| + d_K)² (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1);
    rows of greater norm are further than d_K whatever the rounding.

    product_error: what lower precision adds to a key, in units of |q| · |x|.
    """
    norms = np.empty(len(queries), np.float32)
    measure_about(read_only(queries), origin, norms)
    sq_norms = norms.astype(np.float64)
    sq_furthest = furthest.astype(np.float64)
    norm, reach = np.sqrt(sq_norms), np.sqrt(sq_norms) + np.sqrt(sq_furthest)
    # A query short of neighbours has an infinite reach, and so is in doubt.
    with np.errstate(invalid="ignore"):
        error = (queries.shape[1] + 8) * ROUNDING * (norm + reach) ** 2 + product_error * norm * reach
    return np.flatnonzero(~(sq_furthest < limits + sq_norms - error))


def mean_of(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (D,), summed in float64."""
    total = np.zeros(vectors.shape[1])
    for first in range(0, len(vectors), _COLUMNS):
        total += vectors[first : first + _COLUMNS].sum(axis=0, dtype=np.float64)
    return (total / len(vectors)).astype(np.float32)


@njit(nogil=True, cache=True)
def measure_about(vectors, origin, sq_norms):
    """Squared distances of all rows from the origin, into float32 (N,)."""
    for row in range(vectors.shape[0]):
        sq_norms[row] = sq_distance(vectors[row], origin)


@njit(nogil=True, cache=True)
def _search_by_differences(queries, vectors, own, first_id, chosen, ids, sq_distances):
    """Search all rows for the chosen queries, the slow way, and overwrite their rows of the table."""
    for i in range(chosen.shape[0]):
        q = chosen[i]
        kept = 0
        for row in range(vectors.shape[0]):
            if row + first_id != own[q]:
                sq = sq_distance(queries[q], vectors[row])
                kept = insert_nearest(ids[q], sq_distances[q], kept, row + first_id, sq)
