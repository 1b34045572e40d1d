"""Multi-level distance regularisation (MDR): pulls distances to a few levels."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .loss import Loss, LossInputs
from .pairs import unsquared
from .settings import MdrSettings


def level_loss(standardised: Tensor, levels: Tensor) -> Tensor:
    """Mean over pairs of min_g |d̄ − s_g|. standardised: d̄, (P,), P ≥ 1. levels: s, (G,)."""
    return (standardised[:, None] - levels).abs().amin(dim=1).mean()


class MdrLoss(Loss):
    """`level_loss` of all pairs of the batch, whatever their labels; to be added to another loss of distances.

    Kim, Park: Multi-Level Distance Regularization for Deep Metric Learning, AAAI 2021, arXiv 2102.04223, section 3.
    Distances (not squared) are standardised with a running mean and deviation, which carry no gradient (our choice) and
    start from the first batch. The levels are learned. The paper does not scale embeddings to unit length, so that
    distances are free to follow the levels.

    levels: initial levels, in standard deviations. momentum: share of the old statistics in the new ones.
    nu: ν, weight of Σ_g s_g², which keeps the levels near 0; 0.01 in the authors' code, not in the paper.
    statistics: mean and deviation over the distances of all "pairs", or, as in the authors' code, over the whole
    "matrix" of distances: each pair twice, with the zeros of the diagonal, and the deviation unbiased.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(self, settings: MdrSettings) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor(settings.levels, dtype=torch.float32))
        self.statistics: Tensor
        self.register_buffer(
            "statistics", torch.zeros(2)
        )  # mean and deviation; a deviation of 0 means none seen yet
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The mean over the pairs; 0 as long as all distances have been equal. In training, updates the statistics."""
        rows = len(inputs.classes)
        first, second = torch.triu_indices(rows, rows, offset=1, device=inputs.classes.device)
        matrix = unsquared(inputs.sq_distances)
        distances = matrix[first, second]
        if self.training:
            self._observe((matrix if self.settings.statistics == "matrix" else distances).detach())
        mean, deviation = self.statistics.unbind()
        if not deviation > 0:
            return distances.sum() * 0.0  # keeps the graph
        found = level_loss((distances - mean) / deviation, self.levels)
        return found + self.settings.nu * self.levels.square().sum() if self.settings.nu else found

    def _observe(self, distances: Tensor) -> None:
        correction = int(self.settings.statistics == "matrix")
        found = torch.stack([distances.mean(), distances.std(correction=correction)])
        kept = self.settings.momentum if self.statistics[1] > 0 else 0.0
        self.statistics = kept * self.statistics + (1 - kept) * found
