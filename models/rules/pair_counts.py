"""A set of triplets, told by how often each pair of rows occurs in it."""

from typing import NamedTuple

import torch
from torch import Tensor


class PairCounts(NamedTuple):
    """All that a loss of distances needs to know of the triplets of a batch of B rows.

    Sums and moments of d²(a,p) and d²(a,n) over millions of triplets are then sums over B² pairs: every
    admissible triplet counts, at a cost that does not depend on how many there are, and without the scattered
    additions whose order, and so whose last bits, would differ from run to run on several threads.

    positive: float32 (B, B), the number of triplets with anchor a and positive p.
    negative: float32 (B, B), the number of triplets with anchor a and negative n.
    triplets: T, the sum of each.
    """

    positive: Tensor
    negative: Tensor
    triplets: int

    @property
    def shares(self) -> tuple[Tensor, Tensor]:
        """Of each pair among the positive ones of T ≥ 1 triplets, and among the negative ones: each sums to 1."""
        return self.positive / self.triplets, self.negative / self.triplets

    def __add__(self, other: "PairCounts") -> "PairCounts":  # pyright: ignore[reportIncompatibleMethodOverride]
        """Of both sets together, in place of a tuple's concatenation."""
        return PairCounts(
            self.positive + other.positive, self.negative + other.negative, self.triplets + other.triplets
        )


def count_pairs(triplets: Tensor, rows: int) -> PairCounts:
    """Count the pairs of triplets int64 (T, 3), places in a batch of `rows`."""
    anchors, positives, negatives = triplets.unbind(1)
    return PairCounts(
        _counted(anchors * rows + positives, rows), _counted(anchors * rows + negatives, rows), len(triplets)
    )


def _counted(pairs: Tensor, rows: int) -> Tensor:
    return torch.bincount(pairs, minlength=rows * rows).reshape(rows, rows).float()
