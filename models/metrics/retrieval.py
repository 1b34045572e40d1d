"""Recall@K, R-precision and MAP@R by exact search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_gallery, nearest, sq_distance_blocks

RECALLS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Retrieval:
    """TaskResources over the queries.

    queries: rows that were asked; left_out: rows without another row of their class in the gallery.
    recall: K → share of queries with one of their class among the K nearest.
    r_precision, map_at_r: as in Musgrave et al. (ECCV 2020), R = gallery rows of the query's class.
    """

    queries: int
    left_out: int
    recall: dict[int, float]
    r_precision: float
    map_at_r: float


def retrieval(
    queries: NDArray[np.float32],
    query_classes: NDArray[np.int32],
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: NDArray[np.int32] | None = None,
    *,
    recalls: Sequence[int] = RECALLS,
    block_mib: int = BLOCK_MIB,
) -> Retrieval:
    """Ask for every query the nearest gallery rows.

    queries: (Q, D) with classes (Q,). gallery: (G, D) with classes (G,); None asks the queries among
    themselves, where a query never retrieves itself. Queries that no gallery row could answer are left out
    and counted.
    """
    gallery, gallery_classes, alone = checked_gallery(queries, query_classes, gallery, gallery_classes)
    relevant = _counts_in(query_classes, gallery_classes) - int(alone)
    asked = np.flatnonzero(relevant > 0)
    if len(asked) == 0:
        return Retrieval(0, len(queries), dict.fromkeys(recalls, 0.0), 0.0, 0.0)

    codes = torch.from_numpy(np.array(gallery_classes, np.int64))
    own = torch.from_numpy(np.array(query_classes, np.int64))
    counts = torch.from_numpy(relevant)
    hits = dict.fromkeys(recalls, 0)
    precision_sum = average_sum = 0.0
    # Queries of large classes need long orders: sorted by R, each block orders only as many as it needs.
    asked = asked[np.argsort(relevant[asked], kind="stable")]
    for rows, distances in sq_distance_blocks(queries[asked], gallery, block_mib=block_mib):
        ids = torch.from_numpy(asked[rows])
        if alone:
            distances[torch.arange(len(ids)), ids] = torch.inf
        deepest = min(max(*recalls, int(counts[ids].max())), len(codes) - int(alone))
        right = codes[nearest(distances, deepest)] == own[ids, None]
        for k in recalls:
            hits[k] += int(right[:, :k].any(dim=1).sum())
        precision, average = at_r(right, counts[ids])
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

    right: bool (Q, K), K ≥ R, whether the result at each rank has the query's class. relevant: R, int64 (Q,).
    """
    ranks = torch.arange(1, right.shape[1] + 1)
    counted = right & (ranks <= relevant[:, None])
    so_far = counted.cumsum(dim=1)
    average = (so_far.double() / ranks * counted).sum(dim=1) / relevant
    return so_far[:, -1].double() / relevant, average


def _counts_in(classes: NDArray, gallery_classes: NDArray) -> NDArray[np.int64]:
    """How many gallery rows have the class of each query: int64 (Q,)."""
    size = int(max(classes.max(), gallery_classes.max())) + 1
    return np.bincount(gallery_classes, minlength=size)[classes]
