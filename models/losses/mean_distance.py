"""How far apart the rows of a batch are, as a unit of length for them."""

from torch import Tensor

SMALLEST = 1e-6
"""In units of d²: of unit rows that are nearer together little but rounding is left."""


def mean_sq_distance(sq_distances: Tensor) -> Tensor:
    """Mean d² of all pairs of rows, of any class: a scalar with gradient, at least `SMALLEST`. sq_distances: (B, B).

    A loss of distances in this unit cannot be lowered by drawing all rows together, which is what others fall into
    as long as the negatives that they look at are nearer than the positives: see `BatchHardLoss`.
    """
    rows = len(sq_distances)
    return (sq_distances.sum() / max(1, rows * (rows - 1))).clamp_min(SMALLEST)
