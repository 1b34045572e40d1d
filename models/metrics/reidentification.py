"""mAP and CMC with roles and groups: re-identification."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import ModelError
from .blocks import BLOCK_MIB, check_embeddings, nearest, sq_distance_blocks

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class ReIdentification:
    """TaskResources over the queries that have an answer; left_out counts those without.

    mean_average_precision: over the whole ranked gallery. cmc: rank → share of queries answered up to there.
    """

    queries: int
    left_out: int
    mean_average_precision: float
    cmc: dict[int, float]


def re_identification(
    queries: NDArray[np.float32],
    query_classes: NDArray[np.int32],
    gallery: NDArray[np.float32],
    gallery_classes: NDArray[np.int32],
    *,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    ranks: Sequence[int] = RANKS,
    block_mib: int = BLOCK_MIB // 4,
) -> ReIdentification:
    """Rank the whole gallery for each query (Zheng et al., Scalable Person Re-identification, ICCV 2015).

    groups: int32 codes (Q,) and (G,), the cameras; −1 for none. A gallery row of the query's class *and*
    group is no answer and no error: it is taken out of that query's ranking.
    """
    check_embeddings(queries, query_classes, "query")
    check_embeddings(gallery, gallery_classes, "gallery")
    if (query_groups is None) != (gallery_groups is None):
        raise ModelError("groups are given for only one of query and gallery: give both or none")
    codes = torch.from_numpy(np.array(gallery_classes, np.int64))
    own = torch.from_numpy(np.array(query_classes, np.int64))
    answered = 0
    precision_sum = 0.0
    within = dict.fromkeys(ranks, 0)
    for rows, distances in sq_distance_blocks(queries, gallery, block_mib=block_mib):
        same = codes == own[rows, None]
        if query_groups is not None and gallery_groups is not None:
            group = torch.from_numpy(np.array(query_groups[rows], np.int64))[:, None]
            junk = same & (group == torch.from_numpy(np.array(gallery_groups, np.int64))) & (group >= 0)
        else:
            junk = torch.zeros_like(same)
        right = same & ~junk
        order = nearest(distances, len(codes))
        right, kept = right.gather(1, order), ~junk.gather(1, order)
        has_answer = right.any(dim=1)
        right, kept = right[has_answer], kept[has_answer]
        place = kept.cumsum(dim=1)  # rank from 1 among what is left after taking out the junk
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
