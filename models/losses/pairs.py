"""Pairs and triplets of a batch, and functions of their distances that several losses share."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from .loss import LossInputs
from .settings import Margin


def positive_pairs(same: Tensor) -> Tensor:
    """bool (B, B): pairs of different rows that share a class. same: bool (B, B), from `same_class`."""
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def triplet_gaps(distances: Tensor, inputs: LossInputs) -> Iterator[Tensor]:
    """Yield d(a,p) − d(a,n) of all triplets of the batch, piece by piece. distances: (B, B), squared or not.

    A piece holds the triplets of one class, (K, K−1, B−K) with K of its rows in the batch; or, if rows have several
    classes, those of one anchor, (P, Q) with its P positives and Q negatives.
    """
    if inputs.members is None:
        for code in inputs.classes.unique():
            own = inputs.classes == code
            within, to_negatives = distances[own][:, own], distances[own][:, ~own]
            other = ~torch.eye(len(within), dtype=torch.bool, device=within.device)
            to_positives = within[other].reshape(len(within), -1)
            yield to_positives[:, :, None] - to_negatives[:, None, :]
        return
    same = inputs.same
    for row, positive, negative in zip(distances, positive_pairs(same), ~same, strict=True):
        yield row[positive][:, None] - row[negative]


def hinge_sum(near: Tensor, far: Tensor, margin: Tensor) -> Tensor:
    """Σ_i Σ_j max(0, near_i − far_j + m) of near (P,) and far (Q,), in O((P + Q) log (P + Q)) time.

    A positive hinge is linear in near_i and far_j. So the sum over pairs is a sum over the elements of each list, each
    times the number of pairs with a positive hinge that contain it. Differentiable in near and far, not in the margin.
    """
    with torch.no_grad():
        limits = near + margin
        of_near = torch.searchsorted(far.sort().values, limits)
        of_far = len(near) - torch.searchsorted(limits.sort().values, far, right=True)
    return (of_near * (near + margin)).sum() - (of_far * far).sum()


def cost(gap: Tensor, margin: Margin) -> Tensor:
    """max(0, gap + m); with "soft" ln(1 + exp(gap)), which still pulls when the triplet is in order."""
    if isinstance(margin, str):
        return functional.softplus(gap)
    return (gap + margin).clamp_min(0)


SMALLEST = 1e-6
"""In units of d²: below it, distances of unit rows are little more than rounding errors."""


def mean_sq_distance(sq_distances: Tensor) -> Tensor:
    """Mean d² of all pairs of rows, a scalar with gradient, at least `SMALLEST`. sq_distances: (B, B).

    A loss of distances in this unit cannot be lowered by moving all rows together. Other losses collapse that way as
    long as the negatives they use are nearer than the positives: see `BatchHardLoss`.
    """
    rows = len(sq_distances)
    return (sq_distances.sum() / max(1, rows * (rows - 1))).clamp_min(SMALLEST)


def unsquared(sq_distances: Tensor) -> Tensor:
    """d from d² ≥ 0, of any shape, differentiable, with gradient 0 at d² = 0.

    The square root has an infinite slope at 0. The distance has a kink there, of which 0 is a subgradient.
    """
    apart = sq_distances > 0
    return torch.where(apart, sq_distances, 1.0).sqrt() * apart
