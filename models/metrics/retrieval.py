"""Recall@K, R-precision and MAP@R by exact search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides, nearest, sq_distance_blocks
from .relevance import Classes, Relevance

RECALLS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Means over the queries.

    queries: rows that were asked; left_out: rows that no row of the gallery answers.
    recall: K → share of queries with an answer among the K nearest.
    r_precision, map_at_r: as in Musgrave et al. (ECCV 2020), R = answers of the query in the gallery.
    """

    queries: int
    left_out: int
    recall: dict[int, float]
    r_precision: float
    map_at_r: float


def retrieval(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    recalls: Sequence[int] = RECALLS,
    block_mib: int = BLOCK_MIB,
) -> Retrieval:
    """Ask for every query the nearest gallery rows.

    queries: (Q, D) with the classes of Q rows. gallery: (G, D) with the classes of G; None asks the queries among
    themselves, where a query never retrieves itself. A gallery row is an answer when its classes meet those of the
    query. groups: see `Relevance`. Queries that no gallery row could answer are left out and counted.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    relevant = relevance.counts()
    asked = np.flatnonzero(relevant > 0)
    if len(asked) == 0:
        return Retrieval(0, len(queries), dict.fromkeys(recalls, 0.0), 0.0, 0.0)

    counts = torch.from_numpy(relevant)
    hits = dict.fromkeys(recalls, 0)
    precision_sum = average_sum = 0.0
    # Queries with many answers need long orders: sorted by R, each block orders only as many as it needs.
    asked = asked[np.argsort(relevant[asked], kind="stable")]
    for rows, distances in sq_distance_blocks(queries[asked], gallery, block_mib=block_mib):
        ids = asked[rows]
        answers, out = relevance.of(ids)
        distances.masked_fill_(out, torch.inf)
        count = counts[torch.from_numpy(ids)]
        deepest = min(max(*recalls, int(count.max())), len(gallery) - int(alone))
        right = answers.gather(1, nearest(distances, deepest))
        for k in recalls:
            hits[k] += int(right[:, :k].any(dim=1).sum())
        precision, average = at_r(right, count)
        precision_sum += float(precision.sum())
        average_sum += float(average.sum())
    total = len(asked)
    return Retrieval(
        queries=total,
        left_out=len(queries) - total,
        recall={k: hits[k] / total for k in recalls},
        r_precision=precision_sum / total,
        map_at_r=average_sum / total,
    )


def at_r(right: torch.Tensor, relevant: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """R-precision and average precision at R of each query, float64 (Q,).

    right: bool (Q, K), K ≥ R, whether the result at each rank is an answer. relevant: R, int64 (Q,).
    """
    ranks = torch.arange(1, right.shape[1] + 1)
    counted = right & (ranks <= relevant[:, None])
    so_far = counted.cumsum(dim=1)
    average = (so_far.double() / ranks * counted).sum(dim=1) / relevant
    return so_far[:, -1].double() / relevant, average
