"""Triplet loss on squared distances."""

from torch import Tensor

from ..checks import check_number
from ..rules.pair_counts import PairCounts
from .loss import Loss, LossInputs


def triplet_loss(sq_distances: Tensor, trained: PairCounts, active: PairCounts, *, margin: float) -> Tensor:
    """mean max(0, d²(a,p) − d²(a,n) + m) over the trained triplets (Schroff et al., FaceNet, CVPR 2015, eq. 2).

    The hinge of an active triplet is positive, so linear in the two distances. The sum over triplets is thus a sum over
    pairs, each times the number of active triplets that contain it.

    sq_distances: (B, B). trained: T ≥ 1 triplets. active: those of them with a positive hinge. margin: m, in units of
    d². Returns a scalar.
    """
    pulls = ((active.positive - active.negative) * sq_distances).sum()
    return (pulls + margin * active.triplets) / trained.triplets


class TripletLoss(Loss):
    """`triplet_loss` over the triplets that the batch rule found. margin: m, in units of d²."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        check_number("margin", margin, above=0.0)
        self.margin = margin

    def forward(self, inputs: LossInputs) -> Tensor:
        """See `triplet_loss`."""
        picked = inputs.picked
        return triplet_loss(inputs.sq_distances, picked.trained, picked.active, margin=self.margin)
