"""Global loss: separates the distributions of positive and negative distances of a batch."""

from torch import Tensor

from .loss import Loss, LossInputs
from .pairs import positive_pairs
from .settings import GlobalSettings

LARGEST_SQ_DISTANCE = 4.0
"""Greatest d² of two unit vectors; dividing by it scales squared distances to [0, 1]."""


def global_loss(
    sq_distances: Tensor, positive: Tensor, negative: Tensor, *, t_global: float, lambda_global: float
) -> Tensor:
    """var(u) + var(v) + λ·max(0, mean(u) − mean(v) + t), with u = d²/4 of positive and v = d²/4 of negative pairs.

    Kumar B G, Carneiro, Reid: Learning Local Image Descriptors with Deep Siamese and Triplet Convolutional Networks by
    Minimizing Global Loss Functions, CVPR 2016. It narrows both distributions and separates their means by t. The
    variances are biased (÷ T), so that one triplet gives 0 instead of a division by zero.

    sq_distances: (B, B), of unit vectors. positive, negative: (B, B), weights of the pairs; each sums to 1.
    Returns a scalar.
    """
    scaled = sq_distances / LARGEST_SQ_DISTANCE
    mean_u, var_u = _moments(scaled, positive)
    mean_v, var_v = _moments(scaled, negative)
    return var_u + var_v + lambda_global * (mean_u - mean_v + t_global).clamp_min(0)


def shares_of_batch(same: Tensor) -> tuple[Tensor, Tensor]:
    """Equal weights for all positive and for all negative pairs of a batch.

    same: bool (B, B), from `same_class`. Returns two float32 (B, B), positive and negative; each sums to 1, or is 0 if
    there is no such pair.
    """
    positive, negative = positive_pairs(same).float(), (~same).float()
    return positive / positive.sum().clamp_min(1), negative / negative.sum().clamp_min(1)


def _moments(values: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and biased variance of values (B, B). shares: (B, B), weights that sum to 1."""
    mean = (shares * values).sum()
    return mean, (shares * (values - mean).square()).sum()


class GlobalLoss(Loss):
    """`global_loss` as a module. Smart mining adds it to γ times the triplet loss (Harwood et al., ICCV 2017, arXiv
    1704.01285).

    t_global, lambda_global: t and λ. global_over: take the pairs of the "triplets" that the batch rule found, each as
    often as it occurs in them, or all pairs of the "batch". For triplets mined over the whole set, the two means are so
    close that t is never reached, and the loss keeps pulling the same few pairs apart.
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
