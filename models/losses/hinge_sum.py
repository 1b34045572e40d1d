"""The hinges of all pairs of two lists, without listing the pairs."""

import torch
from torch import Tensor


def hinge_sum(near: Tensor, far: Tensor, margin: Tensor) -> Tensor:
    """Σ_i Σ_j max(0, near_i − far_j + m) of near (P,) and far (Q,), in O((P + Q) log (P + Q)) time.

    Of a pair with a positive hinge the hinge is linear in both, so the sum over pairs is a sum over the elements of
    each list, times the number of such pairs that hold it. Differentiable in near and far, not in the margin.
    """
    with torch.no_grad():
        limits = near + margin
        of_near = torch.searchsorted(far.sort().values, limits)
        of_far = len(near) - torch.searchsorted(limits.sort().values, far, right=True)
    return (of_near * (near + margin)).sum() - (of_far * far).sum()
