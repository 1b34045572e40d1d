"""Recognition: the class of an item by a k-nearest-neighbour vote (FaceNet, arXiv 1503.03832, section 1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import BLOCK_MIB, checked_sides
from .relevance import Classes, Relevance
from .tiles import ExactSearch


@dataclass(frozen=True, slots=True, eq=False)
class Recognition:
    """query: int64 (Q,), ascending, the queries with an answer. right: bool (Q,), whether each was named correctly.
    left_out: number of queries without an answer."""

    query: NDArray[np.int64]
    right: NDArray[np.bool_]
    left_out: int

    @property
    def accuracy(self) -> float | None:
        """Share of the queries that were named correctly; None without a query."""
        return float(self.right.mean()) if len(self.right) else None


def recognition(
    queries: NDArray[np.float32],
    query_classes: Classes,
    gallery: NDArray[np.float32] | None = None,
    gallery_classes: Classes | None = None,
    *,
    neighbours: int,
    asked: NDArray[np.int64] | None = None,
    query_groups: NDArray[np.int32] | None = None,
    gallery_groups: NDArray[np.int32] | None = None,
    block_mib: int = BLOCK_MIB,
) -> Recognition:
    """Name for every query the most frequent class among its `neighbours` nearest gallery rows.

    Ties go to the class with the nearest row. A row with several classes votes for each, and a query with several is
    named correctly by any of them. Rows that `retrieval` takes out of a query's ranking do not vote. queries, gallery,
    asked, groups: as in `retrieval`.
    """
    query_classes, gallery, gallery_classes, alone = checked_sides(
        queries, query_classes, gallery, gallery_classes
    )
    relevance = Relevance(
        query_classes, gallery_classes, alone=alone, query_groups=query_groups, gallery_groups=gallery_groups
    )
    asked = np.arange(len(queries)) if asked is None else asked
    answered = asked[relevance.counts(asked) > 0]
    right = np.zeros(len(answered), np.bool_)
    neighbours = min(neighbours, len(gallery))
    search = ExactSearch(queries, gallery, relevance, block_mib)
    for rows in search.blocks(np.full(len(answered), neighbours)):
        nearest = search.nearest(answered[rows], neighbours)
        there = nearest.there.numpy().ravel()
        query = np.repeat(np.arange(len(nearest.rows)), neighbours)[there]
        votes = gallery_classes.take(nearest.rows.numpy().ravel()[there])
        named = _elected(query[votes.row_of()], votes.members)
        own = query_classes.take(answered[rows])
        owner = own.row_of()
        right[rows.start + owner[own.members == named[owner]]] = True
    return Recognition(answered, right, len(asked) - len(answered))


def _elected(query: NDArray[np.int64], code: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64 (Q,): the code with the most votes for each query; ties go to the first. query: ascending, 0 … Q − 1."""
    width = int(code.max()) + 1
    ballots, first, votes = np.unique(query * width + code, return_index=True, return_counts=True)
    of_query = ballots // width
    order = np.lexsort((first, -votes, of_query))
    _, begins = np.unique(of_query[order], return_index=True)
    return ballots[order][begins] % width
