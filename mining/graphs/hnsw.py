"""HNSW graphs (Malkov & Yashunin, TPAMI 2018, arXiv 1603.09320), by hnswlib.

A build by one thread is reproducible byte for byte from vectors, parameters and seed. A build by several threads is
not: they race for the order of insertion. Searching is reproducible at any number of threads.
"""

import errno
import os
import struct
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

from ..checks import check_at_least
from ..compute.memory import Budget
from ..compute.threads import read_only
from ..errors import InputError, RecallError
from ..neighbours import NeighbourTable
from .index import BLOCK_ROWS, check_queries, check_vectors
from .parameters import HnswParameters
from .remeasure import empty_table, remeasure
from .traverse.seeding import leaf_order

_SEEDS = 2**31 - 1
"""Period of the generator that hnswlib draws levels from."""

_HEADER = struct.Struct("<QQQQQQ")
"""The first fields of hnswlib's file: offset of the links, capacity in rows, number of rows, bytes per row, offset of
the label in a row, offset of the vector in a row."""

_COPIES = 3
"""Copies of ids and distances held while a block is searched: hnswlib's results, the arrays made of them, spare."""


class HnswIndex:
    """See ``index.GraphIndex``."""

    def __init__(
        self,
        index: hnswlib.Index,
        vectors: NDArray[np.float32],
        *,
        first_id: int,
        parameters: HnswParameters,
    ) -> None:
        self._index = index
        self._vectors = read_only(vectors)
        self.first_id = first_id
        self.parameters = parameters

    def search(
        self,
        queries: NDArray[np.float32],
        *,
        query_ids: NDArray[np.int64],
        neighbours: int,
        threads: int,
        memory_mib: float | None = None,
    ) -> NeighbourTable:
        """See ``index.GraphIndex``. Raises: InputError when ``ef`` or ``m`` is too small for ``neighbours``."""
        rows, width = self._vectors.shape
        check_queries(queries, query_ids, width, neighbours, threads)
        # One more than asked for, since a query that is a row of this part finds itself.
        wanted = min(neighbours + 1, rows)
        self._check_ef(wanted, neighbours)
        self._index.set_ef(self.parameters.ef)  # the same index may be searched with other parameters
        table = empty_table(len(queries), neighbours)
        budget = Budget(memory_mib, "an hnsw search").take(
            table.ids.nbytes + table.sq_distances.nbytes, "its result"
        )
        step = budget.rows(
            12 * _COPIES * (neighbours + 1) + 4 * width + 16, at_most=min(len(queries), BLOCK_ROWS)
        )
        for start in range(0, len(queries), step):
            block = slice(start, start + step)
            # Near queries follow each other: what one reads of the graph is still in the cache for the next.
            order = leaf_order(queries[block], threads=threads) + np.int32(start)
            near = queries[order]
            remeasure(
                near,
                self._vectors,
                self._candidates(near, wanted, threads),
                query_ids=query_ids[order],
                neighbours=neighbours,
                first_id=self.first_id,
                threads=threads,
                into=table,
                places=order,
            )
        return table

    def save(self, path: Path) -> None:
        """Write hnswlib's own file, which holds a copy of the vectors. Raises: OSError."""
        path.touch()  # hnswlib ignores write errors: touch fails if the file cannot be created …
        self._index.save_index(str(path))
        size = self._index.index_file_size()
        if path.stat().st_size != size:  # … and the size shows a truncated one
            raise OSError(
                errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} for an index of {size} bytes", str(path)
            )

    def with_parameters(self, parameters: HnswParameters) -> "HnswIndex":
        """The same graph, searched with another ``ef``."""
        return HnswIndex(self._index, self._vectors, first_id=self.first_id, parameters=parameters)

    def _check_ef(self, wanted: int, neighbours: int) -> None:
        if self.parameters.ef < wanted:
            raise InputError(
                f"ef is {self.parameters.ef}, too few candidates for {neighbours} neighbours and the row itself: "
                f"raise ef to at least {wanted}"
            )

    def _candidates(self, queries: NDArray[np.float32], wanted: int, threads: int) -> NDArray[np.int64]:
        """int64 (Q, wanted), local rows; hnswlib returns them as uint64."""
        try:
            labels, _ = self._index.knn_query(queries, k=wanted, num_threads=threads)
        except RuntimeError as error:
            if "contiguous 2D array" not in str(error):
                raise
            raise RecallError(
                f"a search of the graph reached fewer than the {wanted} rows it needs, with m = {self.parameters.m} "
                f"and ef = {self.parameters.ef}: the graph is too sparse, raise m and ef_construction, then ef, or "
                "use exact"
            ) from error
        return labels.view(np.int64)


def build(
    vectors: NDArray[np.float32],
    *,
    parameters: HnswParameters | None = None,
    seed: int = 0,
    threads: int = 1,
    first_id: int = 0,
    memory_mib: float | None = None,
) -> HnswIndex:
    """Insert float32 (N, D) vectors into a new index. Reproducible with ``threads = 1`` only.

    Raises: InputError when the index does not fit ``memory_mib``.
    """
    parameters = parameters or HnswParameters()
    check_vectors(vectors)
    check_at_least("threads", threads, 1)
    needed = index_bytes(len(vectors), vectors.shape[1], parameters)
    Budget(memory_mib, "building an hnsw index").take(needed, f"links and vectors of {len(vectors)} rows")
    index = hnswlib.Index(space="l2", dim=vectors.shape[1])
    index.init_index(
        max_elements=len(vectors),
        M=parameters.m,
        ef_construction=parameters.ef_construction,
        random_seed=seed % _SEEDS,
    )
    index.add_items(vectors, num_threads=threads)
    return HnswIndex(index, vectors, first_id=first_id, parameters=parameters)


def load(
    path: Path, vectors: NDArray[np.float32], *, first_id: int = 0, parameters: HnswParameters | None = None
) -> HnswIndex:
    """Open an index that ``save`` wrote, over the same vectors.

    parameters: ``ef`` may differ from that of the build. Raises: InputError when the file is not an index of these
    vectors.
    """
    check_vectors(vectors)
    _check_header(path, *vectors.shape)
    index = hnswlib.Index(space="l2", dim=vectors.shape[1])
    try:
        index.load_index(str(path), max_elements=len(vectors))
    except RuntimeError as error:
        raise InputError(f"{path} is not a whole hnsw index ({error}): build it again") from error
    return HnswIndex(index, vectors, first_id=first_id, parameters=parameters or HnswParameters())


def index_bytes(rows: int, width: int, parameters: HnswParameters) -> int:
    """Size of an index in bytes: a copy of the vectors, links, labels, locks and a map of the labels."""
    upper_layers = 1.1 * (4 * parameters.m + 4) / max(1, parameters.m - 1)
    return int(rows * (4 * width + 4 * (2 * parameters.m + 1) + 8 + upper_layers + 100))


def _check_header(path: Path, rows: int, width: int) -> None:
    """hnswlib trusts its file: with one of other vectors it would read past the end."""
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise InputError(f"{path} has {len(head)} bytes, too few for an hnsw index: build it again")
    _, _, held, row_bytes, label_offset, vector_offset = _HEADER.unpack(head)
    file_width = (label_offset - vector_offset) // np.dtype(np.float32).itemsize
    if (held, file_width) != (rows, width) or path.stat().st_size < held * row_bytes:
        raise InputError(
            f"{path} is not an index of these vectors: it holds {held} rows of width {file_width}, but they are {rows} "
            f"of width {width}; build it again"
        )
