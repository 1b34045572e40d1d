"""Recognition: the class of an item by a k-nearest-neighbour vote (FaceNet, arXiv 1503.03832, section 1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides, nearest, sq_distance_blocks
from .relevance import Classes, Relevance


@dataclass(frozen=True, slots=True)
class Recognition:
    """accuracy: share of the queries with an answer that were named correctly. left_out: queries without an answer."""

    queries: int
    left_out: int
    accuracy: float


def recognition(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    neighbours: int,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB,
) -> Recognition:
    """Name for every query the most frequent class among its `neighbours` nearest gallery rows.

    Ties go to the class with the nearest row. A row with several classes votes for each, and a query with several is
    named correctly by any of them. Rows that `retrieval` takes out of a query's ranking do not vote. queries, gallery,
    groups: as in `retrieval`.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    asked = np.flatnonzero(relevance.counts() > 0)
    right = 0
    neighbours = min(neighbours, len(gallery))
    if not len(asked):
        return Recognition(0, len(queries), 0.0)
    for rows, distances in sq_distance_blocks(queries[asked], gallery, block_mib=block_mib):
        _, out = relevance.of(asked[rows])
        distances.masked_fill_(out, np.inf)
        voters = nearest(distances, neighbours)
        there = distances.gather(1, voters).isfinite().numpy().ravel()
        query = np.repeat(np.arange(len(voters)), neighbours)[there]
        votes = gallery_classes.take(voters.numpy().ravel()[there])
        named = _elected(query[votes.row_of()], votes.members)
        own = query_classes.take(asked[rows])
        right += int((own.members == named[own.row_of()]).sum())
    return Recognition(len(asked), len(queries) - len(asked), right / len(asked))


def _elected(query: NDArray[np.int64], code: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64 (Q,): the code with the most votes for each query; ties go to the first. query: ascending, 0 … Q − 1."""
    width = int(code.max()) + 1
    ballots, first, votes = np.unique(query * width + code, return_index=True, return_counts=True)
    of_query = ballots // width
    order = np.lexsort((first, -votes, of_query))
    _, begins = np.unique(of_query[order], return_index=True)
    return ballots[order][begins] % width
