"""A distribution for each class, and how far rows are from them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

FIRST_LOG_VARIANCE = 0.1
"""Just above 0, where the slope of relu6 begins: variances start near 1, and all of them can grow."""


class Prototypes(nn.Module):
    """A normal distribution with diagonal covariance for each of C classes; mean and log-variance are learned.

    The mean is μ, made unit length; the variance is exp(relu6(s)), between 1 and e⁶.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.empty(classes, width))
        self.log_variances = nn.Parameter(torch.full((classes, width), FIRST_LOG_VARIANCE))
        nn.init.normal_(self.means, std=width**-0.5)

    def forward(self, rows: Tensor) -> Tensor:
        """Squared Mahalanobis distances D_ic = Σ_d (z_id − μ_cd)² / q_cd: (B, C), of unit rows (B, D)."""
        means = functional.normalize(self.means)
        precision = torch.exp(-functional.relu6(self.log_variances))
        weighted = means * precision
        offset = (weighted * means).sum(dim=1)
        return (rows.square() @ precision.T - 2 * rows @ weighted.T + offset).clamp_min(0)
