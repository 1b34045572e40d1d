"""Traverse-add: make a batch of walks on the frozen graph, then add the missing edges in the order of the walks.

Harwood & Drummond, CVPR 2016, section 4. In the paper each walk may change the graph for the next one. Here all walks
of a batch see the same graph, so that they can run in parallel and the result does not depend on the number of threads.
"""

import numpy as np
from numpy.typing import NDArray

from ...compute.threads import over_rows, read_only
from .occlusion import add_edges
from .walks import walk

_BATCHES_PER_ROW = 4
"""A batch has N/4 walks: few enough that walks rarely fail twice at one vertex for the same reason."""

_MEASURED = 10_000
"""Walks to measure a finished graph with: the share that arrives is then known to within 1 %."""

_MEASURING = 2**62
"""Number of the first walk that measures. The build never counts that far, so no graph is measured by walks that built
it."""

_SEEDS = 2**63 - 1


def traverse(
    vectors: NDArray[np.float32],
    edges: NDArray[np.int32],
    sq_lengths: NDArray[np.float32],
    *,
    walks: float,
    arrive: float,
    seed: int,
    threads: int,
) -> int:
    """Make walks and add the edges they miss to ``edges`` and ``sq_lengths``, in place.

    Stops once at least the share ``arrive`` of a batch's walks reach their target, or after ``walks`` walks per
    vertex. Returns the number of walks made.
    """
    rows = len(vectors)
    batch = max(1, rows // _BATCHES_PER_ROW)
    walked = 0
    while walked < walks * rows:
        sources, targets = _walk_all(vectors, edges, seed, walked, batch, threads)
        walked += batch
        failed = np.flatnonzero(sources >= 0)
        _add_all(vectors, edges, sq_lengths, sources, targets, failed, threads)
        if 1 - len(failed) / batch >= arrive:
            break
    return walked


def share_arriving(
    vectors: NDArray[np.float32], edges: NDArray[np.int32], *, seed: int, threads: int
) -> float:
    """The share of walks between random pairs that reach their target."""
    sources, _ = _walk_all(vectors, edges, seed, _MEASURING, min(_MEASURED, 4 * len(vectors)), threads)
    return float(np.mean(sources < 0))


def _walk_all(
    vectors: NDArray[np.float32],
    edges: NDArray[np.int32],
    seed: int,
    first_trial: int,
    trials: int,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    sources = np.empty(trials, np.int32)
    targets = np.empty(trials, np.int32)
    vectors, edges = read_only(vectors), read_only(edges)

    def kernel(start: int, stop: int) -> None:
        walk(vectors, edges, seed % _SEEDS, first_trial, sources, targets, start, stop)

    over_rows(kernel, trials, threads)
    return sources, targets


def _add_all(
    vectors: NDArray[np.float32],
    edges: NDArray[np.int32],
    sq_lengths: NDArray[np.float32],
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    failed: NDArray[np.int64],
    threads: int,
) -> None:
    """Add the edges that failed walks missed: sources in parallel, those of one source in the order of the walks."""
    order = failed[np.argsort(sources[failed], kind="stable")]
    ordered = sources[order]
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1, [len(order)])).astype(np.int64)

    def kernel(start: int, stop: int) -> None:
        add_edges(vectors, edges, sq_lengths, order, sources, targets, bounds, start, stop)

    if len(order):
        over_rows(kernel, len(bounds) - 1, threads)
