"""A set of triplets, represented by how often each pair of rows occurs in it."""

from typing import NamedTuple

import torch
from torch import Tensor


class PairCounts(NamedTuple):
    """Pair counts of triplets of a batch of B rows: all that a loss of distances needs to know of them.

    Sums and moments of d²(a,p) and d²(a,n) over millions of triplets become sums over B² pairs. The cost does not
    depend on the number of triplets, and there are no scattered additions, whose order, and so whose last bits, would
    vary from run to run with several threads.

    positive: float32 (B, B), the number of triplets with anchor a and positive p.
    negative: float32 (B, B), the number of triplets with anchor a and negative n.
    triplets: T, the sum of either.
    """

    positive: Tensor
    negative: Tensor
    triplets: int

    @property
    def shares(self) -> tuple[Tensor, Tensor]:
        """Positive and negative counts divided by T ≥ 1, so that each sums to 1."""
        return self.positive / self.triplets, self.negative / self.triplets

    def __add__(self, other: "PairCounts") -> "PairCounts":  # pyright: ignore[reportIncompatibleMethodOverride]
        """The counts of both sets together (a tuple would be concatenated)."""
        return PairCounts(
            self.positive + other.positive, self.negative + other.negative, self.triplets + other.triplets
        )


def count_pairs(triplets: Tensor, rows: int) -> PairCounts:
    """The pair counts of triplets int64 (T, 3), positions in a batch of `rows` rows."""
    anchors, positives, negatives = triplets.unbind(1)
    return PairCounts(
        _counted(anchors * rows + positives, rows), _counted(anchors * rows + negatives, rows), len(triplets)
    )


def _counted(pairs: Tensor, rows: int) -> Tensor:
    return torch.bincount(pairs, minlength=rows * rows).reshape(rows, rows).float()
