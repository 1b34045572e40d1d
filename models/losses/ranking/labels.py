"""Losses for multi-label learning: a row's labels should have higher scores than all other classes."""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ...score_head import ScoreHead
from ..loss import Loss, LossInputs
from ..settings import HingeRankingSettings, LsepSettings


class LabelLoss(Loss):
    """A loss of scores f (B, C), one per class, which a linear head computes from the embeddings.

    The head is part of the loss, and is trained and stored with it. It takes embeddings rather than features, so that
    scores can be computed from stored embeddings; the papers do not scale these to unit length.

    classes, width: C and D.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, *, classes: int, width: int) -> None:
        super().__init__()
        self.head = ScoreHead(width, classes)

    def forward(self, inputs: LossInputs) -> Tensor:
        """The mean of `cost` over the rows."""
        labels = inputs.labels(self.head.out_features)
        return self.cost(self.head(inputs.embeddings), labels).mean()

    @abstractmethod
    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """(B,), the loss of each row. scores: f, (B, C). labels: bool (B, C), the classes of each row."""


class LsepLoss(LabelLoss):
    """log(1 + Σ exp(f_v − f_u)) over pairs of a label u of the row and another class v (log-sum-exp pairwise).

    Li, Song, Luo: Improving Pairwise Ranking for Multi-label Image Classification, CVPR 2017, arXiv 1704.03135, eq. 5
    and 6. pairs: pairs per row at most, see `label_pairs`.
    """

    def __init__(self, settings: LsepSettings, *, classes: int, width: int) -> None:
        super().__init__(classes=classes, width=width)
        self.settings = settings

    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """0 for a row without a pair."""
        gaps = label_pairs(scores, labels, self.settings.pairs)
        return functional.pad(gaps, (1, 0)).logsumexp(dim=1)  # exp(0) is the 1 of log(1 + …)


class HingeRankingLoss(LabelLoss):
    """mean max(0, m + f_v − f_u) over the pairs of `LsepLoss`: the baseline of its paper (eq. 3, there a sum).

    The mean does not grow with the number of classes (our choice). margin: m, in units of the scores. pairs: see
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
    """Mean over the classes of the binary cross-entropy: −log σ(f) for a row's labels, −log σ(−f) for the others."""

    def cost(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The mean over all C classes."""
        each = functional.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype), reduction="none")
        return each.mean(dim=1)


def label_pairs(scores: Tensor, labels: Tensor, limit: int) -> Tensor:
    """(B, P), f_v − f_u for pairs of a label u of the row and another class v; −inf pads rows with fewer pairs.

    Takes all pairs of a row, or, if it has more than `limit`, that many, drawn independently as in negative sampling,
    so that a pair may occur twice. labels: bool (B, C).
    """
    own = labels.sum(dim=1, keepdim=True)
    others = labels.shape[1] - own
    pairs = own * others
    taken = int(pairs.max().clamp(max=limit))
    place = torch.arange(taken, device=scores.device).expand(len(scores), taken)
    if limit < int(pairs.max()):
        # Drawn on the CPU, so that every device gets the same numbers.
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
