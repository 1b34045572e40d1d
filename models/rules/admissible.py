"""The admissible triplets of a batch, represented as ranges instead of a list.

Each anchor's negatives are sorted by distance once. The admissible negatives of a pair (a, p) are then a range in that
order, found by two binary searches. All triplets of a batch of B rows take O(B² log B) time and O(B²) memory, where a
mask over all (a, p, n) would take O(B³).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .pair_counts import PairCounts


class Ranges(NamedTuple):
    """For each pair (a, p), a range of the anchor's negatives sorted by distance.

    anchors, positives: int64 (pairs,), positions in the batch, sorted by anchor.
    start, stop: int64 (pairs,), positions in the anchor's row of `order`; start ≤ stop.
    order: int64 (B, B), for each anchor the positions of all rows; its negatives come first, by distance.
    """

    anchors: Tensor
    positives: Tensor
    start: Tensor
    stop: Tensor
    order: Tensor


def admissible_ranges(
    sq_distances: Tensor,
    same: Tensor,
    rows: Tensor,
    *,
    margin: float,
    k_hardness: float,
    nearer_positive: bool,
) -> Ranges:
    """The negatives with (k·d(a,p))² < d²(a,n) < d²(a,p) + m, for every pair (a, p) of rows that share a class.

    sq_distances: float32 (B, B). same: bool (B, B), from `same_class`. rows: int64 (B,), the rows of the set. margin:
    m, in units of d². k_hardness: k. nearer_positive: admit only negatives farther than the anchor's nearest positive.
    """
    negatives, order = sq_distances.masked_fill(same, torch.inf).sort(dim=1, stable=True)
    # By row, not only the diagonal: a row that occurs twice in the batch must not be its own positive.
    positive = same & (rows[:, None] != rows)
    anchors, positives = positive.nonzero(as_tuple=True)

    # A line per anchor, as wide as the largest number of positives, since searchsorted works line by line.
    per_anchor = positive.sum(dim=1)
    place = torch.arange(len(anchors), device=anchors.device) - (per_anchor.cumsum(0) - per_anchor)[anchors]
    to_positives = sq_distances.new_full((len(same), max(1, int(per_anchor.max()))), torch.inf)
    to_positives[anchors, place] = sq_distances[anchors, positives]
    lower = k_hardness**2 * to_positives
    if nearer_positive:
        lower = torch.maximum(lower, to_positives.amin(dim=1, keepdim=True))
    # Both bounds are strict: the first negative beyond `lower`, and the first at or beyond the upper bound.
    start = torch.searchsorted(negatives, lower, right=True)[anchors, place]
    stop = torch.searchsorted(negatives, to_positives + margin)[anchors, place]
    return Ranges(anchors, positives, start, torch.maximum(start, stop), order)


def within(ranges: Ranges, triplets: Tensor) -> Tensor:
    """bool (T,): whether each triplet is in the ranges. triplets: int64 (T, 3), positions in the batch."""
    anchors, positives, negatives = triplets.unbind(1)
    size = len(ranges.order)
    start, stop = ranges.start.new_zeros((2, size, size))
    start[ranges.anchors, ranges.positives] = ranges.start
    stop[ranges.anchors, ranges.positives] = ranges.stop
    place = torch.empty_like(ranges.order)
    place.scatter_(1, ranges.order, torch.arange(size, device=place.device).expand_as(place))
    at = place[anchors, negatives]
    return (start[anchors, positives] <= at) & (at < stop[anchors, positives])


def counts_of(ranges: Ranges) -> PairCounts:
    """The pair counts of all triplets in the ranges."""
    size = len(ranges.order)
    lengths = ranges.stop - ranges.start
    positive = torch.zeros((size, size), device=lengths.device)
    positive[ranges.anchors, ranges.positives] = lengths.float()
    # +1 where a range begins and −1 after its end: the running sum is the number of ranges that cover a negative.
    edges = torch.zeros(size * (size + 1), dtype=torch.int64, device=lengths.device)
    for ends, change in ((ranges.start, 1), (ranges.stop, -1)):
        at = ranges.anchors * (size + 1) + ends
        edges.scatter_add_(0, at, torch.full_like(at, change))
    covered = edges.reshape(size, size + 1).cumsum(dim=1)[:, :size].float()
    negative = torch.zeros_like(positive).scatter_(1, ranges.order, covered)
    return PairCounts(positive, negative, int(lengths.sum()))
