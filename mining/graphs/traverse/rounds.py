"""Traverse-add: walk in batches on a frozen graph, then add the edges that were missing, in the order of
the trials.

Harwood & Drummond, CVPR 2016, section 4. There each walk changes the graph that the next one meets; here a
batch meets the same graph, so that its walks run side by side and the outcome does not depend on how many
do. (Our choice.)
"""

import numpy as np
from numpy.typing import NDArray

from ...compute.threads import over_rows, read_only
from .occlusion import add_edges
from .walks import walk

_BATCHES_PER_ROW = 4
"""Batches of N/4 walks: small enough that a vertex rarely fails twice for the same reason in one."""

_MEASURED = 10_000
"""Walks that measure a finished graph: the share that arrives is then known to within 1 %."""

_MEASURING = 2**62
"""Trials from here on measure; those that build never count so far, so a graph is not measured by its own walks."""

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
    """Add what is missing to edges and lengths, in place.

    It ends when the share of a batch's walks that arrive is at least ``arrive``, or ``walks`` per vertex have been
    made. Returns how many were made.
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
    """The additions of one source happen in the order of their trials; sources do not touch each other's edges."""
    order = failed[np.argsort(sources[failed], kind="stable")]
    ordered = sources[order]
    bounds = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1, [len(order)])).astype(np.int64)

    def kernel(start: int, stop: int) -> None:
        add_edges(vectors, edges, sq_lengths, order, sources, targets, bounds, start, stop)

    if len(order):
        over_rows(kernel, len(bounds) - 1, threads)
