"""The interface that all search methods share."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..checks import check_at_least
from ..errors import InputError
from ..neighbours import NeighbourTable

BLOCK_ROWS = 65_536
"""Queries searched at once: bounds what a search allocates beside its result, whatever the size of the set."""


class Searchable(Protocol):
    """Anything that can be searched for neighbours: one index, or several parts that act as one."""

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """The nearest rows of each query, except the row with the query's own id.

        queries: float32 (Q, D). query_ids: int64 (Q,), global ids; a query with an id of this part must be that row.
        threads: an upper limit. memory_mib: budget for what the search allocates, result included.
        """
        ...


class GraphIndex(Searchable, Protocol):
    """An index over one part of the set: the rows with ids ``first_id`` … ``first_id + len(vectors) − 1``.

    Each method (exact, cells, hnsw, traverse_add) has functions ``build`` and ``load`` that return one. The caller
    stores the vectors and passes them to ``load``.
    """

    def save(self, path: Path) -> None:
        """Write the index, without the vectors, to one file. Not atomic: write to a temporary name and rename."""
        ...


def check_queries(
    queries: NDArray[np.float32], query_ids: NDArray[np.int64], width: int, neighbours: int, threads: int
) -> None:
    """Raise InputError unless the arguments of a search fit the index and each other."""
    if queries.ndim != 2 or queries.shape[1] != width:
        raise InputError(
            f"queries have shape {queries.shape}, but the index holds vectors of width {width}: pass queries of shape "
            f"(Q, {width})"
        )
    if queries.dtype != np.float32 or not queries.flags.c_contiguous:
        raise InputError("queries must be C-contiguous float32: pass them through as_vectors")
    if query_ids.shape != (len(queries),) or query_ids.dtype != np.int64:
        raise InputError(
            f"query_ids have shape {query_ids.shape} and dtype {query_ids.dtype}: give one int64 for each of "
            f"the {len(queries)} queries"
        )
    check_at_least("neighbours", neighbours, 1)
    check_at_least("threads", threads, 1)


def check_vectors(vectors: NDArray[np.float32]) -> None:
    """Raise InputError unless ``vectors`` have the form that ``as_vectors`` returns. Values are not checked."""
    if (
        vectors.ndim != 2
        or vectors.dtype != np.float32
        or not vectors.flags.c_contiguous
        or 0 in vectors.shape
    ):
        raise InputError(
            f"vectors have shape {vectors.shape} and dtype {vectors.dtype}, but C-contiguous float32 (N, D) is needed: "
            "pass them through as_vectors"
        )
