"""Retrieval results of each query by exact search: those of the nearest rows, and those of the whole ranking."""

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import (
    BLOCK_MIB,
    MIB,
    SqDistances,
    checked_sides,
    columns_of,
    nearest_keys,
    slices_of,
    tensor_of,
)
from .by_query import NDCG_AT, ByQuery, discounts, in_order_of_rows, no_queries
from .relevance import Classes, Relevance
from .tiles import ExactSearch


def retrieval(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    asked: NDArray[np.int64] | None = None,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB,
) -> ByQuery:
    """Search the gallery for the nearest rows of every query.

    queries: (Q, D) with Q classes. gallery: (G, D) with G classes; None searches among the queries, where a query never
    retrieves itself. A gallery row is an answer if it shares a class with the query. asked: int64, ascending, only
    these queries. groups: see `Relevance`. Queries without an answer in the gallery are left out and counted.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    asked = np.arange(len(queries)) if asked is None else asked
    relevant = relevance.counts(asked)
    left_out = int((relevant == 0).sum())
    if left_out == len(asked):
        return no_queries(left_out)

    # A query with R answers needs its R nearest rows. Sorted by R, each block ranks only as many as it needs.
    order = np.argsort(relevant, kind="stable")[left_out:]
    asked, relevant = asked[order], relevant[order]
    depths = np.minimum(np.maximum(relevant, NDCG_AT), len(gallery) - int(alone))
    search = ExactSearch(queries, gallery, relevance, block_mib)
    found = [
        _of_block(search, relevance, asked[rows], relevant[rows], int(depths[rows][-1]))
        for rows in search.blocks(depths)
    ]
    return in_order_of_rows(found, left_out)


def _of_block(
    search: ExactSearch, relevance: Relevance, ids: NDArray[np.int64], relevant: NDArray[np.int64], depth: int
) -> ByQuery:
    """What the queries `ids` found among their `depth` nearest rows. relevant: answers of each, int64 (Q,)."""
    nearest = search.nearest(ids, depth)
    right = relevance.answers(ids, nearest.rows).logical_and_(nearest.there)
    count = torch.from_numpy(relevant)
    first = right.int().argmax(dim=1) + 1
    deeper = torch.nonzero(~right.any(dim=1))[:, 0]
    if len(deeper):
        # Products of other shapes may differ in the last bit, and so order rows that are as near as each other.
        first[deeper] = search.first_answer(ids[deeper.numpy()]).clamp_min_(depth + 1)
    precision, average = at_r(right, count)
    ndcg = _ndcg(right[:, :NDCG_AT], count)
    return ByQuery(ids, first.numpy(), precision.numpy(), average.numpy(), ndcg.numpy(), 0)


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


def average_precisions(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    asked: NDArray[np.int64] | None = None,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB // 4,
) -> NDArray[np.float64]:
    """Rank the whole gallery for each query (Zheng et al., Scalable Person Re-identification, ICCV 2015).

    queries, gallery, asked, groups: as in `retrieval`; groups are the cameras, int32 codes, −1 for none. A gallery row
    of the query's class *and* group counts neither as an answer nor as an error: it is taken out of the query's
    ranking.

    Returns float64 (Q,): the average precision of each query that has an answer, in their order.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    asked = np.arange(len(queries)) if asked is None else asked
    asked = asked[relevance.counts(asked) > 0]
    found = np.empty(len(asked))
    distances = SqDistances(gallery)
    for rows in slices_of(len(asked), max(1, block_mib * MIB // (4 * len(gallery)))):
        ids = asked[rows]
        order = columns_of(nearest_keys(distances.of(tensor_of(queries[ids])), len(gallery)))
        answers, out = relevance.of(ids)
        right, kept = answers.gather(1, order), ~out.gather(1, order)
        place = kept.cumsum(dim=1)  # rank from 1 among the rows kept
        precision = torch.where(right, right.cumsum(dim=1).double() / place.clamp_min(1), 0.0)
        found[rows] = (precision.sum(dim=1) / right.sum(dim=1)).numpy()
    return found
