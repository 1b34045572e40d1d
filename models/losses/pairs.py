"""Which pairs of a batch share a class, and which do not."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from .loss import LossInputs
from .settings import Margin


def positive_pairs(same: Tensor) -> Tensor:
    """bool (B, B): another row that shares a class. same: bool (B, B), of `same_class`."""
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)


def triplet_gaps(distances: Tensor, inputs: LossInputs) -> Iterator[Tensor]:
    """d(a,p) − d(a,n) of all triplets of the batch, in pieces of any shape. distances: (B, B), of any kind.

    Of one class after the other, (K, K−1, B−K) with K of its rows in the batch; where rows have several classes, of
    one anchor after the other, (P, Q) with its P positives and Q negatives.
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

    Of a pair with a positive hinge the hinge is linear in both, so the sum over pairs is a sum over the elements of
    each list, times the number of such pairs that hold it. Differentiable in near and far, not in the margin.
    """
    with torch.no_grad():
        limits = near + margin
        of_near = torch.searchsorted(far.sort().values, limits)
        of_far = len(near) - torch.searchsorted(limits.sort().values, far, right=True)
    return (of_near * (near + margin)).sum() - (of_far * far).sum()


def cost(gap: Tensor, margin: Margin) -> Tensor:
    """max(0, gap + m), or with "soft" ln(1 + exp(gap)), which goes on pulling when the triplet is in order."""
    if isinstance(margin, str):
        return functional.softplus(gap)
    return (gap + margin).clamp_min(0)


SMALLEST = 1e-6
"""In units of d²: of unit rows that are nearer together little but rounding is left."""


def mean_sq_distance(sq_distances: Tensor) -> Tensor:
    """Mean d² of all pairs of rows, of any class: a scalar with gradient, at least `SMALLEST`. sq_distances: (B, B).

    A loss of distances in this unit cannot be lowered by drawing all rows together, which is what others fall into
    as long as the negatives that they look at are nearer than the positives: see `BatchHardLoss`.
    """
    rows = len(sq_distances)
    return (sq_distances.sum() / max(1, rows * (rows - 1))).clamp_min(SMALLEST)


def unsquared(sq_distances: Tensor) -> Tensor:
    """d from d² ≥ 0, of any shape, differentiable; where d² is 0 the gradient is 0.

    The root has an infinite slope at 0. A distance has none there: it has a kink, of which 0 is a subgradient.
    """
    apart = sq_distances > 0
    return torch.where(apart, sq_distances, 1.0).sqrt() * apart
