"""Distances from squared distances, for the methods that are defined on them."""

import torch
from torch import Tensor


def unsquared(sq_distances: Tensor) -> Tensor:
    """d from d² ≥ 0, of any shape, differentiable; where d² is 0 the gradient is 0.

    The root has an infinite slope at 0. A distance has none there: it has a kink, of which 0 is a subgradient.
    """
    apart = sq_distances > 0
    return torch.where(apart, sq_distances, 1.0).sqrt() * apart
