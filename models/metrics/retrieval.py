"""Recall@K, R-precision, MAP@R, MRR and nDCG by exact search."""

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides, key_slices, keys_of, nearest, sq_distance_blocks
from .by_query import NDCG_AT, ByQuery, discounts, in_order_of_rows, no_queries
from .relevance import Classes, Relevance


def retrieval(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB,
) -> ByQuery:
    """Search the gallery for the nearest rows of every query.

    queries: (Q, D) with Q classes. gallery: (G, D) with G classes; None searches among the queries, where a query never
    retrieves itself. A gallery row is an answer if it shares a class with the query. groups: see `Relevance`. Queries
    without an answer in the gallery are left out and counted.
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
        return no_queries(len(queries))

    # A query with R answers needs its R nearest rows. Sorted by R, each block ranks only as many as it needs.
    asked = asked[np.argsort(relevant[asked], kind="stable")]
    found = []
    for rows, distances in sq_distance_blocks(queries[asked], gallery, block_mib=block_mib):
        found.append(_of_block(relevance, asked[rows], relevant[asked[rows]], distances, alone=alone))
    return in_order_of_rows(found, len(queries) - len(asked))


def _of_block(
    relevance: Relevance,
    ids: NDArray[np.int64],
    relevant: NDArray[np.int64],
    distances: torch.Tensor,
    *,
    alone: bool,
) -> ByQuery:
    """What the queries `ids` found. relevant: answers of each, int64 (Q,). distances: float32 (Q, G), changed."""
    answers, out = relevance.of(ids)
    distances.masked_fill_(out, torch.inf)
    count = torch.from_numpy(relevant)
    deepest = min(max(NDCG_AT, int(count.max())), distances.shape[1] - int(alone))
    right = answers.gather(1, nearest(distances, deepest))
    precision, average = at_r(right, count)
    first = _first(right, answers, distances)
    ndcg = _ndcg(right[:, :NDCG_AT], count)
    return ByQuery(ids, first.numpy(), precision.numpy(), average.numpy(), ndcg.numpy(), 0)


def _first(right: torch.Tensor, answers: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
    """int64 (Q,): rank of the first answer, from 1. right: bool (Q, K), whether the K nearest rows are answers."""
    first = right.int().argmax(dim=1) + 1
    deeper = torch.nonzero(~right.any(dim=1))[:, 0]
    for part in key_slices(len(deeper), distances.shape[1]):
        some = deeper[part]
        keys = keys_of(distances[some])
        of_answers = keys.masked_fill(~answers[some], torch.iinfo(torch.int64).max)
        first[some] = (keys < of_answers.min(dim=1, keepdim=True).values).sum(dim=1) + 1
    return first


def _ndcg(right: torch.Tensor, relevant: torch.Tensor) -> torch.Tensor:
    """float64 (Q,), nDCG. right: bool (Q, ≤ NDCG_AT). relevant: int64 (Q,), number of answers of each query."""
    discount = torch.from_numpy(discounts(NDCG_AT))
    gained = (right.double() * discount[: right.shape[1]]).sum(dim=1)
    return gained / discount.cumsum(dim=0)[relevant.clamp(max=NDCG_AT) - 1]


def at_r(right: torch.Tensor, relevant: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """R-precision and average precision at R of each query, float64 (Q,) each.

    right: bool (Q, K), K ≥ R, whether the result at each rank is an answer. relevant: int64 (Q,), R.
    """
    ranks = torch.arange(1, right.shape[1] + 1)
    counted = right & (ranks <= relevant[:, None])
    so_far = counted.cumsum(dim=1)
    average = (so_far.double() / ranks * counted).sum(dim=1) / relevant
    return so_far[:, -1].double() / relevant, average
