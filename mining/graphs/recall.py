"""Recall of a search, and the least effort that reaches a target recall."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..checks import check_share
from ..defaults import SAMPLE_ROWS
from ..errors import InputError
from ..neighbours import NO_ROW, NeighbourTable
from .exact import index as exact
from .index import Searchable

_TIE = np.float32(1 + 1e-5)
"""Distances within this factor are a tie: float32 sums of squares differ that much with the order of summation."""

_STEP = 1.15
"""Factor by which the effort grows from one try to the next."""

_TRIES = 12
"""Tries at most: the last has 4.7 times the effort of the first."""

Index = TypeVar("Index", bound=Searchable)


def recall_at_k(found: NeighbourTable, truth: NeighbourTable) -> float:
    """The share of the true neighbours that were found.

    A row as near as the furthest true neighbour counts as true. found, truth: tables for the same queries and K.
    Queries without true neighbours do not count; if there are no others, recall is 1.
    """
    if found.ids.shape != truth.ids.shape:
        raise InputError(
            f"tables of shapes {found.ids.shape} and {truth.ids.shape} cannot be compared: search for the same "
            "queries and the same number of neighbours"
        )
    wanted = (truth.ids != NO_ROW).sum(axis=1)
    if not wanted.any():
        return 1.0
    last = np.take_along_axis(truth.sq_distances, np.maximum(wanted - 1, 0)[:, None], axis=1)
    hits = ((found.ids != NO_ROW) & (found.sq_distances <= last * _TIE)).sum(axis=1)
    return float(np.minimum(hits, wanted).sum() / wanted.sum())


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries. vectors: float32 (Q, D). own: int64 (Q,), the id that each query must not find, −1 for none."""

    vectors: NDArray[np.float32]
    own: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RecallSample:
    """A sample of queries to measure recall on, with their true neighbours.

    rows: int64 (S,), ascending: global ids if the queries are rows of the searched set, else positions among the
    queries. queries: float32 (S, D). own: int64 (S,), see ``Asked``. truth: their exact neighbours.
    """

    rows: NDArray[np.int64]
    queries: NDArray[np.float32]
    own: NDArray[np.int64]
    truth: NeighbourTable


def drawn_rows(rows: int, sample_rows: int, seed: int) -> NDArray[np.int64]:
    """int64 (S,): ``sample_rows`` of 0 … ``rows`` − 1, drawn without replacement, ascending; all if there are fewer."""
    rng = np.random.default_rng((seed, 0x5EC411))
    return np.sort(rng.choice(rows, size=min(sample_rows, rows), replace=False)).astype(np.int64)


def draw_sample(
    vectors: NDArray[np.float32],
    neighbours: int,
    *,
    sample_rows: int = SAMPLE_ROWS,
    seed: int = 0,
    threads: int = 1,
    first_id: int = 0,
    memory_mib: float | None = None,
    asked: Asked | None = None,
) -> RecallSample:
    """Draw rows of float32 (N, D) vectors without replacement, and search for their neighbours exactly.

    asked: draw from these queries instead of from the vectors.
    """
    queries = vectors if asked is None else asked.vectors
    local = drawn_rows(len(queries), sample_rows, seed)
    some = np.ascontiguousarray(queries[local])
    rows = local + (first_id if asked is None else 0)
    own = rows if asked is None else asked.own[local]
    truth = exact.build(vectors, first_id=first_id).search(
        some, query_ids=own, neighbours=neighbours, threads=threads, memory_mib=memory_mib
    )
    return RecallSample(rows, some, own, truth)


def measure(index: Searchable, sample: RecallSample, *, threads: int = 1) -> float:
    """Recall of the index on the sample."""
    found = index.search(
        sample.queries, query_ids=sample.own, neighbours=sample.truth.neighbours, threads=threads
    )
    return recall_at_k(found, sample.truth)


@dataclass(frozen=True, slots=True)
class Calibration(Generic[Index]):
    """index: with the least effort that reached the target, or the greatest tried if none did (``reached`` says which).
    recall: measured with it. tried: (effort, recall) of every try, in order."""

    index: Index
    recall: float
    reached: bool
    tried: tuple[tuple[int, float], ...]


def calibrate(
    index: Index,
    with_effort: Callable[[Index, int], Index],
    sample: RecallSample,
    *,
    recall_target: float,
    threads: int = 1,
) -> Calibration[Index]:
    """Raise the effort of a search until its recall on the sample is at least ``recall_target``.

    with_effort: returns the index with another effort, which is the number of rows that a search keeps: ``ef`` of
    hnsw, ``keep`` of traverse_add. The effort starts a little above the number of neighbours; after ``_TRIES`` tries
    the search for it ends.

    Raises: InputError when the target is not within 0 … 1.
    """
    check_share("recall_target", recall_target)
    tried: list[tuple[int, float]] = []
    for effort in _efforts(sample.truth.neighbours):
        index = with_effort(index, effort)
        recall = measure(index, sample, threads=threads)
        tried.append((effort, recall))
        if recall >= recall_target:
            return Calibration(index, recall, True, tuple(tried))
    return Calibration(index, tried[-1][1], False, tuple(tried))


def _efforts(neighbours: int) -> Iterator[int]:
    effort = 1.05 * (neighbours + 1)
    for _ in range(_TRIES):
        yield int(np.ceil(effort))
        effort *= _STEP
