"""Re-identification: mAP and CMC over the whole ranked gallery, without matches of the query's own group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides, nearest, sq_distance_blocks
from .relevance import Classes, Relevance

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class ReIdentification:
    """Means over the queries that have an answer; left_out counts those without.

    mean_average_precision: over the whole ranked gallery. cmc: for each rank k, the share of queries with an answer
    among the first k.
    """

    queries: int
    left_out: int
    mean_average_precision: float
    cmc: dict[int, float]


def re_identification(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    ranks: Sequence[int] = RANKS,
    block_mib: int = BLOCK_MIB // 4,
) -> ReIdentification:
    """Rank the whole gallery for each query (Zheng et al., Scalable Person Re-identification, ICCV 2015).

    queries, gallery, groups: as in `retrieval`; groups are the cameras, int32 codes, −1 for none. A gallery row of the
    query's class *and* group counts neither as an answer nor as an error: it is taken out of the query's ranking.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    answered = 0
    precision_sum = 0.0
    within = dict.fromkeys(ranks, 0)
    for rows, distances in sq_distance_blocks(queries, gallery, block_mib=block_mib):
        right, out = relevance.of(np.arange(rows.start, rows.stop))
        order = nearest(distances, len(gallery))
        right, kept = right.gather(1, order), ~out.gather(1, order)
        has_answer = right.any(dim=1)
        right, kept = right[has_answer], kept[has_answer]
        place = kept.cumsum(dim=1)  # rank from 1 among the rows kept
        found = right.cumsum(dim=1)
        precision = torch.where(right, found.double() / place.clamp_min(1), 0.0)
        precision_sum += float((precision.sum(dim=1) / right.sum(dim=1)).sum())
        first = place.gather(1, right.int().argmax(dim=1, keepdim=True))
        for rank in ranks:
            within[rank] += int((first <= rank).sum())
        answered += int(has_answer.sum())
    total = max(1, answered)
    return ReIdentification(
        queries=answered,
        left_out=len(queries) - answered,
        mean_average_precision=precision_sum / total,
        cmc={rank: within[rank] / total for rank in ranks},
    )
