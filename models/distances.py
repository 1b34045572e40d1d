"""All squared distances of a batch, with gradient."""

import torch
from torch import Tensor


def pairwise_sq_distances(embeddings: Tensor) -> Tensor:
    """Squared Euclidean distances float32 (B, B) of embeddings (B, D), in [0, ∞), differentiable.

    By |x|² + |y|² − 2xy, with one matrix product. There is no square root, so the gradient of a zero distance is
    zero and finite. Rounding may give small negative numbers, which are clamped: their gradient is zero too.
    """
    norms = embeddings.square().sum(dim=1)
    return torch.addmm(norms[:, None] + norms, embeddings, embeddings.T, alpha=-2).clamp_min(0)


def sq_distances_between(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances (B, P) of x (B, D) and y (P, D); the rest as in `pairwise_sq_distances`."""
    norms = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return torch.addmm(norms, x, y.T, alpha=-2).clamp_min(0)
