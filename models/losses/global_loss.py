"""The global loss on the two distributions of distances of a batch."""

from torch import Tensor

from .loss import Loss, LossInputs
from .pairs import positive_pairs
from .settings import GlobalSettings

LARGEST_SQ_DISTANCE = 4.0
"""Of two unit vectors; divides squared distances into [0, 1]."""


def global_loss(
    sq_distances: Tensor, positive: Tensor, negative: Tensor, *, t_global: float, lambda_global: float
) -> Tensor:
    """var(u) + var(v) + λ·max(0, mean(u) − mean(v) + t), with u = d²/4 over positive and v = d²/4 over negative pairs.

    Kumar B G, Carneiro, Reid: Learning Local Image Descriptors with Deep Siamese and Triplet Convolutional
    Networks by Minimizing Global Loss Functions, CVPR 2016. It narrows both distributions and pulls their means
    apart by t. The variances are biased (÷ T), so that one triplet gives 0 instead of a division by zero.

    sq_distances: (B, B), of unit vectors. positive, negative: (B, B), how much each pair counts; each sums to 1.
    Returns a scalar.
    """
    scaled = sq_distances / LARGEST_SQ_DISTANCE
    mean_u, var_u = _moments(scaled, positive)
    mean_v, var_v = _moments(scaled, negative)
    return var_u + var_v + lambda_global * (mean_u - mean_v + t_global).clamp_min(0)


def shares_of_batch(same: Tensor) -> tuple[Tensor, Tensor]:
    """All pairs of different rows of a batch, those of one class and those of two, each pair as much as the others.

    same: bool (B, B), of `same_class`. Returns two float32 (B, B), of which each sums to 1, or is 0 where there is no
    such pair.
    """
    positive, negative = positive_pairs(same).float(), (~same).float()
    return positive / positive.sum().clamp_min(1), negative / negative.sum().clamp_min(1)


def _moments(values: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of values (B, B), each counted with its share; the shares sum to 1."""
    mean = (shares * values).sum()
    return mean, (shares * (values - mean).square()).sum()


class GlobalLoss(Loss):
    """`global_loss`. With γ times the triplet loss it is the loss of smart mining (Harwood et al., ICCV 2017, arXiv
    1704.01285).

    t_global, lambda_global: t and λ. global_over: the pairs of the "triplets" that the batch rule found, each as often
    as it occurs in them; or all pairs of the "batch". Of triplets mined over the whole set the two means lie so near
    together that t is never reached, and the loss goes on pulling the same few pairs apart.
    """

    def __init__(self, settings: GlobalSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """See `global_loss`."""
        over_batch = self.settings.global_over == "batch"
        positive, negative = shares_of_batch(inputs.same) if over_batch else inputs.picked.trained.shares
        return global_loss(
            inputs.sq_distances,
            positive,
            negative,
            t_global=self.settings.t_global,
            lambda_global=self.settings.lambda_global,
        )
