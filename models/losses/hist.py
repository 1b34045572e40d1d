"""HIST loss: classes as distributions, and relations of many rows as a hypergraph."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..parameter_groups import ParameterGroup
from .loss import Loss, LossInputs
from .settings import HistSettings

FIRST_LOG_VARIANCE = 0.1
"""Just above 0, where relu6 starts to have a slope: variances start near 1, and all of them can grow."""


class Prototypes(nn.Module):
    """A normal distribution with diagonal covariance for each of C classes; mean and log-variance are learned.

    The mean is μ, scaled to unit length; the variance is exp(relu6(s)), between 1 and e⁶. drawn: initialise s by
    Kaiming's normal distribution. Half of s is then below 0, and has no gradient until other parameters have moved its
    rows.
    """

    def __init__(self, classes: int, width: int, *, drawn: bool = False) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.empty(classes, width))
        self.log_variances = nn.Parameter(torch.full((classes, width), FIRST_LOG_VARIANCE))
        nn.init.normal_(self.means, std=width**-0.5)
        if drawn:
            nn.init.kaiming_normal_(self.log_variances, mode="fan_out")

    def forward(self, rows: Tensor) -> Tensor:
        """(B, C), squared Mahalanobis distances D_ic = Σ_d (z_id − μ_cd)² / q_cd of unit rows (B, D)."""
        means = functional.normalize(self.means)
        precision = torch.exp(-functional.relu6(self.log_variances))
        weighted = means * precision
        offset = (weighted * means).sum(dim=1)
        return (rows.square() @ precision.T - 2 * rows @ weighted.T + offset).clamp_min(0)


def spread(incidence: Tensor, values: Tensor) -> Tensor:
    """Dv^−½ H De^−1 Hᵀ Dv^−½ X: each row gets the means of the edges that it is in.

    Feng et al.: Hypergraph Neural Networks, AAAI 2019, eq. 11, with edges of equal weight.

    incidence: H, (B, E), in [0, 1]; every row and every edge has at least one positive entry. values: X, (B, F). Dv and
    De are the sums of H over its edges and over its rows. Returns (B, F).
    """
    row_scale = incidence.sum(dim=1, keepdim=True).rsqrt()
    edges = incidence.T @ (row_scale * values) / incidence.sum(dim=0)[:, None]
    return row_scale * (incidence @ edges)


class HypergraphNetwork(nn.Module):
    """Two hypergraph convolutions, `width` features → `hidden` → logits of `classes`.

    Batch normalisation and LeakyReLU(0.1) are between them. It is used only in training, so that no running statistics
    are kept.
    """

    def __init__(self, *, width: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, hidden)
        self.norm = nn.BatchNorm1d(hidden, track_running_stats=False)
        self.second = nn.Linear(hidden, classes)

    def forward(self, features: Tensor, incidence: Tensor) -> Tensor:
        """Logits (B, classes) of features (B, width), connected by the hypergraph's incidence (B, E)."""
        hidden = self.norm(spread(incidence, self.first(features)))
        hidden = functional.leaky_relu(hidden, 0.1)
        return spread(incidence, self.second(hidden))


class HistLoss(Loss):
    """L_D + λ_s · L_CE.

    Lim, Yun, Park, Choi: Hypergraph-Induced Semantic Tuplet Loss for Deep Metric Learning, CVPR 2022, section 3.
    L_D: cross-entropy of softmax(−τ·D) over the classes, where D are the distances to their distributions
    (`Prototypes`). L_CE: cross-entropy of a hypergraph network over the batch. Its edges are the classes in the batch;
    the incidence of a row is 1 for its own class, and exp(−α·D_ic) for another. The network takes the features before
    they are scaled to unit length, the distributions the rows after that.

    The defaults of τ, α and the distributions' rate are the paper's for SOP, which has many classes with few rows each.
    Those for CUB and Cars (32; 1.1 and 0.9; 0.1) need a pretrained encoder: from random weights, on the glyphs of
    `BatchHardLoss`, Recall@1 was 0.20 with them and 0.61 with SOP's.

    classes, width: C and D. tau, alpha: τ and α. lambda_s: λ_s. hidden: hidden width of the network.
    distribution_rate: learning rate of the distributions. network_factor: learning rate of the network, as a multiple
    of the encoder's; the authors use 10 for SOP and Cars, 5 for CUB. first_variances: initial variances, all "equal",
    or "drawn" as in the authors' code. distribution_decay: apply the run's weight decay to the distributions, as the
    authors do. The authors also normalise the features by a layer without weights: to do the same, the encoder has to
    end in one.
    """

    needs_triplets: ClassVar[bool] = False
    needs_one_class: ClassVar[bool] = True

    def __init__(self, settings: HistSettings, *, classes: int, width: int) -> None:
        super().__init__()
        self.prototypes = Prototypes(classes, width, drawn=settings.first_variances == "drawn")
        self.network = HypergraphNetwork(width=width, hidden=settings.hidden, classes=classes)
        self.settings = settings

    def forward(self, inputs: LossInputs) -> Tensor:
        """The sum of both terms."""
        classes = inputs.classes
        distances = self.prototypes(functional.normalize(inputs.embeddings))
        to_distributions = functional.cross_entropy(-self.settings.tau * distances, classes)
        logits = self.network(inputs.features, self._incidence(distances, classes))
        return to_distributions + self.settings.lambda_s * functional.cross_entropy(logits, classes)

    def _incidence(self, distances: Tensor, classes: Tensor) -> Tensor:
        """H, (B, E), with an edge for each class of the batch."""
        edges = classes.unique()
        return torch.exp(-self.settings.alpha * distances[:, edges]).masked_fill(
            classes[:, None] == edges, 1.0
        )

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """The distributions with their own learning rate, and the network with a multiple of the encoder's."""
        decay = None if self.settings.distribution_decay else 0.0
        return [
            ParameterGroup(
                tuple(self.prototypes.parameters()), rate=self.settings.distribution_rate, weight_decay=decay
            ),
            ParameterGroup(tuple(self.network.parameters()), factor=self.settings.network_factor),
        ]
