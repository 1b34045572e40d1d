"""Squared distances within a batch, with gradient."""

import torch
from torch import Tensor


def pairwise_sq_distances(embeddings: Tensor) -> Tensor:
    """Squared Euclidean distances float32 (B, B) of embeddings (B, D), in [0, ∞), differentiable.

    Computed as |x|² + |y|² − 2xy, with one matrix product. Without a square root, the gradient of a zero distance is
    zero and finite. Small negative numbers due to rounding are clamped; their gradient is zero, too.
    """
    norms = embeddings.square().sum(dim=1)
    return torch.addmm(norms[:, None] + norms, embeddings, embeddings.T, alpha=-2).clamp_min(0)


def sq_distances_between(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances (B, P) of x (B, D) and y (P, D), computed as in `pairwise_sq_distances`."""
    norms = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)
    return torch.addmm(norms, x, y.T, alpha=-2).clamp_min(0)
