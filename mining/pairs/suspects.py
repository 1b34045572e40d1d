"""Find documents that look relevant to a query but are not labelled so, for review by a person."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_at_least, check_share
from ..errors import InputError
from ..miner_input import check_table
from ..neighbours import NO_ROW, NeighbourTable
from .relevance import Relevance


def unlabelled_positives(
    neighbours: NeighbourTable,
    relevance: Relevance,
    *,
    queries: NDArray[np.int64] | None = None,
    nearest: int = 10,
    minimum_score: float = 0.5,
) -> dict[str, NDArray[Any]]:
    """Documents much nearer to a query than its relevant documents, highest scores first.

    The ``nearest`` documents of each query are examined. Documents judged for it, relevant or not, are never suspects.
    A query without a relevant document is left out. If none of its relevant documents is in the table, the distance of
    its last neighbour is used instead: the nearest relevant document is at least that far.

    queries: int64 (A,), the query of each line of the table; None if there is a line for every query.
    minimum_score: the least score to list, above 0 and at most 1; 0.5 lists documents at up to half the d² of the
    nearest relevant document.

    Returns columns query and document int64; rank int32, 0-based; sq_distance, sq_positive (of the nearest relevant
    document) and score float32. score = 1 − sq_distance / sq_positive.

    Raises: InputError for a table that does not fit the relevance, or parameters out of range.
    """
    check_table(neighbours)
    queries = np.arange(relevance.queries, dtype=np.int64) if queries is None else queries
    if len(neighbours) != len(queries):
        raise InputError(
            f"the neighbour table has {len(neighbours)} lines for {len(queries)} queries: give one for each"
        )
    check_at_least("nearest", nearest, 1)
    check_share("minimum_score", minimum_score)
    ids, sq = neighbours.ids, neighbours.sq_distances
    if ids.size and (ids.min() < NO_ROW or ids.max() >= relevance.corpus):
        raise InputError(
            f"the neighbour table has ids from {ids.min()} to {ids.max()} for a corpus of {relevance.corpus}: "
            "give the relevance of the corpus that was searched"
        )
    line, rank = np.nonzero(ids != NO_ROW)
    relevant = np.zeros(ids.shape, np.bool_)
    relevant[line, rank] = relevance.is_relevant(queries[line], ids[line, rank])
    reference = _nearest_positive(ids, sq, relevant)
    reference[relevance.relevant.counts()[queries] == 0] = (
        0.0  # nothing is nearer: lists nothing for these queries
    )
    near = sq[:, :nearest]
    line, rank = np.nonzero(
        (ids[:, :nearest] != NO_ROW) & ~relevant[:, :nearest] & (near < reference[:, None])
    )
    score = np.float32(1) - near[line, rank] / reference[line]
    likely = np.flatnonzero(score >= minimum_score)
    line, rank, score = line[likely], rank[likely], score[likely]
    unjudged = ~relevance.is_irrelevant(queries[line], ids[line, rank])
    line, rank, score = line[unjudged], rank[unjudged], score[unjudged]
    order = np.lexsort((rank, line, -score))
    line, rank, score = line[order], rank[order], score[order]
    return {
        "query": queries[line],
        "document": ids[line, rank],
        "rank": rank.astype(np.int32),
        "sq_distance": near[line, rank],
        "sq_positive": reference[line],
        "score": score,
    }


def _nearest_positive(
    ids: NDArray[np.int64], sq: NDArray[np.float32], relevant: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """float32 (A,): d² of the first relevant entry of each line, or of its last entry; 0 for an empty line."""
    if not ids.shape[1]:
        return np.zeros(len(ids), np.float32)
    entries = (ids != NO_ROW).sum(axis=1)
    last = np.maximum(entries - 1, 0)
    place = np.where(relevant.any(axis=1), relevant.argmax(axis=1), last)
    found = np.take_along_axis(sq, place[:, None], axis=1)[:, 0]
    return np.where(entries > 0, found, np.float32(0))
