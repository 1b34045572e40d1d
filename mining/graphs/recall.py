"""How many of the true neighbours a search finds, and the least effort at which it finds enough."""

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
"""Distances this close are a tie: float32 sums of squares differ that much between two ways to add them up."""

_STEP = 1.15
"""Effort grows by this factor from one try to the next."""

_TRIES = 12
"""Tries at most: the effort of the last is 4.7 times that of the first."""

Index = TypeVar("Index", bound=Searchable)


def recall_at_k(found: NeighbourTable, truth: NeighbourTable) -> float:
    """The share of the true neighbours that were found; a row at the distance of the last true one counts as true.

    found, truth: tables of the same queries and of equal K. A query without neighbours asks for nothing;
    where no query has any, recall is 1.
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
    """What is searched for. vectors: float32 (Q, D). own: int64 (Q,), global id that a query is not to find, or −1."""

    vectors: NDArray[np.float32]
    own: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RecallSample:
    """Queries drawn to measure recall on, and their true neighbours.

    rows: int64 (S,), ascending: global ids of rows that are searched for among their own set, else places among the
    queries. own: int64 (S,), see ``Asked``.
    """

    rows: NDArray[np.int64]
    queries: NDArray[np.float32]
    own: NDArray[np.int64]
    truth: NeighbourTable


def drawn_rows(rows: int, sample_rows: int, seed: int) -> NDArray[np.int64]:
    """int64 (S,): some of 0 … ``rows`` − 1, ascending, drawn without replacement; all where there are no more."""
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
    """Draw rows of float32 (N, D) vectors without replacement, and search for them exactly in all of these.

    asked: draw from these queries instead.
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
    """index: with the least effort tried that reached the target, or the most where none did. recall:
    measured with it. tried: (effort, recall) of every try, in order."""

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

    with_effort: the index with another effort, the number of rows that a search keeps: ``ef`` of hnsw,
    ``keep`` of traverse_add. It begins a little above the neighbours wanted, and ends at all rows or after
    ``_TRIES`` tries.

    Raises: InputError when the target is not a share.
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
