"""The global loss on the two distributions of distances of a batch."""

from torch import Tensor

from ..rules.pair_counts import PairCounts
from .loss import Loss, LossInputs
from .settings import GlobalSettings

LARGEST_SQ_DISTANCE = 4.0
"""Of two unit vectors; divides squared distances into [0, 1]."""


def global_loss(
    sq_distances: Tensor, trained: PairCounts, *, t_global: float, lambda_global: float
) -> Tensor:
    """var(u) + var(v) + λ·max(0, mean(u) − mean(v) + t), with u = d²(a,p)/4 and v = d²(a,n)/4 over the triplets.

    Kumar B G, Carneiro, Reid: Learning Local Image Descriptors with Deep Siamese and Triplet Convolutional
    Networks by Minimizing Global Loss Functions, CVPR 2016. It narrows both distributions and pulls their means
    apart by t. The variances are biased (÷ T), so that one triplet gives 0 instead of a division by zero.

    sq_distances: (B, B), of unit vectors. trained: T ≥ 1 triplets. Returns a scalar.
    """
    scaled = sq_distances / LARGEST_SQ_DISTANCE
    mean_u, var_u = _moments(scaled, trained.positive / trained.triplets)
    mean_v, var_v = _moments(scaled, trained.negative / trained.triplets)
    return var_u + var_v + lambda_global * (mean_u - mean_v + t_global).clamp_min(0)


def _moments(values: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of values (B, B), each counted with its share; the shares sum to 1."""
    mean = (shares * values).sum()
    return mean, (shares * (values - mean).square()).sum()


class GlobalLoss(Loss):
    """`global_loss` of the triplets that the batch rule found. With γ times the triplet loss it is the loss of smart
    mining (Harwood et al., ICCV 2017, arXiv 1704.01285).

    t_global, lambda_global: t and λ.
    """

    def __init__(self, settings: GlobalSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """See `global_loss`."""
        return global_loss(
            inputs.sq_distances,
            inputs.picked.trained,
            t_global=self.settings.t_global,
            lambda_global=self.settings.lambda_global,
        )
