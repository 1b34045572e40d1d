"""Losses for ranking items: the better of two items should have the higher score."""

from typing import ClassVar

import torch
from torch import Tensor

from ...errors import ModelError
from ...score_head import ScoreHead
from ..loss import Loss, LossInputs, RankedPairs
from ..settings import RankingSettings


class ScoreLoss(Loss):
    """A loss of scores f (B,), which a linear head computes from the embeddings.

    The head is part of the loss, and is trained and stored with it. width: D.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.head = ScoreHead(width, None)

    def _scored(self, inputs: LossInputs) -> tuple[Tensor, RankedPairs]:
        if inputs.ranked is None:
            raise ModelError(
                "a loss of scores got a batch without ranked pairs: compose batches of pairs, or use another loss"
            )
        return self.head(inputs.embeddings), inputs.ranked


class RankingLoss(ScoreLoss):
    """β · Σ max(0, m − f(i) + f(j)) over "i better than j" + (1 − β) · Σ max(0, |f(i) − f(j)| − m) over alike pairs.

    Doughty, Damen, Mayol-Cuevas: Who's Better? Who's Best?, CVPR 2018, arXiv 1703.09913, eq. 3 to 5. Both sums are
    divided by the number of all pairs in the batch, so that the learning rate does not depend on it (our choice).

    margin: m, in units of the scores. beta: β; 1 ignores alike pairs.
    """

    def __init__(self, settings: RankingSettings, *, width: int) -> None:
        super().__init__(width=width)
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The loss; 0 if no pair violates the margin, or without pairs."""
        scores, (pairs, alike, _) = self._scored(inputs)
        gaps = scores[pairs[:, 0]] - scores[pairs[:, 1]]
        margin, beta = self.settings.margin, self.settings.beta
        ranking = (margin - gaps).clamp_min(0) * beta
        similarity = (gaps.abs() - margin).clamp_min(0) * (1 - beta)
        return torch.where(alike, similarity, ranking).sum() / max(1, len(pairs))


class ValueLoss(ScoreLoss):
    """mean (f(i) − v(i))² over the rows whose value v is known: regression, as a baseline for ranking pairs."""

    def forward(self, inputs: LossInputs) -> Tensor:
        """The loss; 0 for a batch without a known value."""
        scores, (_, _, values) = self._scored(inputs)
        known = ~values.isnan()
        errors = scores[known] - values[known]
        return errors.square().sum() / known.sum().clamp_min(1)
