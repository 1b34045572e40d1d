"""Multi-label learning: a score for each class, by which a row's labels shall come before all others."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ...score_head import ScoreHead
from ..loss import Loss, LossInputs
from ..settings import HingeRankingSettings, LsepSettings


class LabelLoss(Loss):
    """A loss of scores f (B, C), which a linear head gives to the embeddings: one for each class.

    The head is part of the loss, and is trained and kept with it. It sees the embeddings, so that scores follow from
    what is stored; those of the papers have any length.

    classes, width: C and D.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, *, classes: int, width: int) -> None:
        super().__init__()
        self.head = ScoreHead(width, classes)

    def forward(self, inputs: LossInputs) -> Tensor:
        """Mean of `cost` over the rows."""
        labels = inputs.labels(self.head.out_features)
        return self.cost(self.head(inputs.embeddings), labels).mean()

    @abstractmethod
    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The loss of each row, (B,). scores: f, (B, C). labels: bool (B, C), which classes are the row's."""


class LsepLoss(LabelLoss):
    """log(1 + Σ exp(f_v − f_u)) over pairs of a label u of the row and another class v (log-sum-exp pairwise).

    Li, Song, Luo: Improving Pairwise Ranking for Multi-label Image Classification, CVPR 2017, arXiv 1704.03135, eq. 5
    and 6. pairs: of a row at most, see `label_pairs`.
    """

    def __init__(self, settings: LsepSettings, *, classes: int, width: int) -> None:
        super().__init__(classes=classes, width=width)
        self.settings = settings

    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """0 for a row without a pair."""
        gaps = label_pairs(scores, labels, self.settings.pairs)
        return functional.pad(gaps, (1, 0)).logsumexp(dim=1)  # exp(0) is the 1 of log(1 + …)


class HingeRankingLoss(LabelLoss):
    """mean max(0, m + f_v − f_u) over the same pairs: the baseline of the paper (its eq. 3, there the sum).

    The mean does not grow with the number of classes (our choice). margin: m, in units of the scores. pairs: as of
    `LsepLoss`.
    """

    def __init__(self, settings: HingeRankingSettings, *, classes: int, width: int) -> None:
        super().__init__(classes=classes, width=width)
        self.settings = settings

    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """0 for a row without a pair."""
        gaps = label_pairs(scores, labels, self.settings.pairs)
        found = torch.isfinite(gaps).sum(dim=1)
        return (gaps + self.settings.margin).clamp_min(0).sum(dim=1) / found.clamp_min(1)


class BinaryCrossEntropyLoss(LabelLoss):
    """Each class by itself: mean over the classes of −log σ(f) of the row's labels and −log σ(−f) of the others."""

    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The mean over all C classes."""
        each = functional.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype), reduction="none")
        return each.mean(dim=1)


def label_pairs(scores: Tensor, labels: Tensor, limit: int) -> Tensor:
    """f_v − f_u of pairs of a label u of the row and a class v that is none: (B, P), −inf where a row has fewer.

    All pairs of a row, or where it has more than `limit` so many of them, drawn each by itself, as negative sampling
    draws: a pair may come twice. labels: bool (B, C).
    """
    own = labels.sum(dim=1, keepdim=True)
    others = labels.shape[1] - own
    pairs = own * others
    taken = int(pairs.max().clamp(max=limit))
    place = torch.arange(taken, device=scores.device).expand(len(scores), taken)
    if limit < int(pairs.max()):
        # On the CPU, so that every device draws the same.
        drawn = torch.rand(len(scores), taken, dtype=torch.float64).to(scores.device) * pairs
        place = torch.where(pairs > limit, drawn.long(), place)
    real = place < pairs
    # The row's own classes first, then the others.
    order = labels.to(torch.uint8).argsort(dim=1, descending=True, stable=True)
    place = place.masked_fill(~real, 0)
    others = others.clamp_min(1)
    last = labels.shape[1] - 1
    label = order.gather(1, place // others)
    other = order.gather(1, (own + place % others).clamp(max=last))
    return (scores.gather(1, other) - scores.gather(1, label)).masked_fill(~real, -torch.inf)
