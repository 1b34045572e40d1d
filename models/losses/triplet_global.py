"""The loss of smart mining: triplet + global."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from ..checks import check_number
from ..pair_counts import PairCounts
from .global_loss import global_loss
from .triplet import triplet_loss


@dataclass(frozen=True, slots=True)
class LossSettings:
    """L = γ·L_triplet + L_global (Harwood et al., ICCV 2017, arXiv 1704.01285).

    margin: m of the hinge, in units of d². t_global, lambda_global: t and λ of the global loss.
    gamma: weight of the triplet loss. use_global: False leaves the global loss out (L = γ·L_triplet).
    """

    margin: float = 0.2
    t_global: float = 0.4
    lambda_global: float = 0.8
    gamma: float = 1.0
    use_global: bool = True

    def __post_init__(self) -> None:
        check_number("loss.margin", self.margin, above=0.0)
        check_number("loss.t_global", self.t_global, at_least=0.0)
        check_number("loss.lambda_global", self.lambda_global, at_least=0.0)
        check_number("loss.gamma", self.gamma, at_least=0.0)


class LossParts(NamedTuple):
    """Scalars with gradient: what is minimised, and the two parts before weighting."""

    total: Tensor
    triplet: Tensor
    global_: Tensor


class TripletGlobalLoss(nn.Module):
    """The loss of a batch's triplets from the batch's squared distances; it has no weights of its own."""

    def __init__(self, settings: LossSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, sq_distances: Tensor, trained: PairCounts, active: PairCounts) -> LossParts:
        """sq_distances: (B, B), see `pairwise_sq_distances`. trained, active: see `batch_rules.Picked`.

        Without a triplet all parts are zero, and so is their gradient.
        """
        nothing = sq_distances.sum() * 0.0  # keeps the graph
        if trained.triplets == 0:
            return LossParts(nothing, nothing, nothing)
        settings = self.settings
        hinge = triplet_loss(sq_distances, trained, active, margin=settings.margin)
        spread = nothing
        if settings.use_global:
            spread = global_loss(
                sq_distances, trained, t_global=settings.t_global, lambda_global=settings.lambda_global
            )
        return LossParts(settings.gamma * hinge + spread, hinge, spread)
