"""What the three graphs have in common."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..checks import check_at_least
from ..errors import InputError
from ..neighbours import NeighbourTable

BLOCK_ROWS = 65_536
"""Queries that a graph is searched for at once: what that allocates beside the result does not grow with the set."""


class Searchable(Protocol):
    """What can be asked for neighbours: one index, or several parts that answer as one."""

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """The nearest rows for each query, itself left out by its id.

        queries: float32 (Q, D); query_ids: int64 (Q,), global; a query whose id is of this part must be that row.
        threads: at most this many. memory_mib: a budget for what the search allocates, its result included.
        """
        ...


class GraphIndex(Searchable, Protocol):
    """A searchable index over one part of the set: rows ``first_id`` … ``first_id + len(vectors) − 1``.

    Each method module (``exact``, ``hnsw``, ``traverse_add``) has a ``build`` and a ``load`` that return
    one. The vectors themselves are stored by the caller, and handed to ``load``.
    """

    def save(self, path: Path) -> None:
        """Write the index (not the vectors) to one file. It is not atomic: publish it by renaming."""
        ...


def check_queries(
    queries: NDArray[np.float32], query_ids: NDArray[np.int64], width: int, neighbours: int, threads: int
) -> None:
    """Raise InputError unless the arguments of a search fit together and the index."""
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
    """Raise InputError unless ``vectors`` have the form that ``as_vectors`` returns (values are not looked at)."""
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
