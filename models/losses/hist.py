"""HIST: classes as distributions, and the relations of many rows as a hypergraph."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ..checks import check_count, check_number
from ..parameter_groups import ParameterGroup
from .hypergraph import HypergraphNetwork
from .inputs import LossInputs
from .loss import Loss
from .prototypes import Prototypes


class HistLoss(Loss):
    """L_D + λ_s · L_CE.

    Lim, Yun, Park, Choi: Hypergraph-Induced Semantic Tuplet Loss for Deep Metric Learning, CVPR 2022, section 3.
    L_D: cross-entropy of softmax(−τ·D) over the classes, D the distances to their distributions (`Prototypes`).
    L_CE: cross-entropy of a hypergraph network over the batch. Its edges are the classes in the batch: a row is in the
    edge of its own class wholly, in another one by exp(−α·D_ic). It takes the features before they are made unit
    length, and the distributions the same rows after.

    The defaults of τ, α and the distributions' rate are the paper's for SOP, which has many classes with few rows each.
    Those for CUB and Cars (32; 1.1 and 0.9; 0.1) go with a pretrained encoder: from random weights, on the glyphs of
    `BatchHardLoss`, Recall@1 was 0.20 with them and 0.61 with SOP's.

    classes, width: C and D. tau, alpha: τ and α. lambda_s: λ_s. hidden: width of the network.
    distribution_rate: learning rate of the distributions. network_factor: of the network, as a multiple of the
    encoder's.
    """

    needs_triplets: ClassVar[bool] = False

    def __init__(
        self,
        *,
        classes: int,
        width: int,
        tau: float = 16.0,
        alpha: float = 2.0,
        lambda_s: float = 1.0,
        hidden: int = 512,
        distribution_rate: float = 0.01,
        network_factor: float = 5.0,
    ) -> None:
        super().__init__()
        check_number("loss.hist.tau", tau, above=0.0)
        check_number("loss.hist.alpha", alpha, above=0.0)
        check_number("loss.hist.lambda_s", lambda_s, at_least=0.0)
        check_count("loss.hist.hidden", hidden)
        self.prototypes = Prototypes(classes, width)
        self.network = HypergraphNetwork(width=width, hidden=hidden, classes=classes)
        self.tau = tau
        self.alpha = alpha
        self.lambda_s = lambda_s
        self.distribution_rate = distribution_rate
        self.network_factor = network_factor

    def forward(self, inputs: LossInputs) -> Tensor:
        """The sum of both."""
        classes = inputs.classes
        distances = self.prototypes(functional.normalize(inputs.embeddings))
        to_distributions = functional.cross_entropy(-self.tau * distances, classes)
        logits = self.network(inputs.features, self._incidence(distances, classes))
        return to_distributions + self.lambda_s * functional.cross_entropy(logits, classes)

    def _incidence(self, distances: Tensor, classes: Tensor) -> Tensor:
        """H (B, E): one edge for each class of the batch."""
        edges = classes.unique()
        return torch.exp(-self.alpha * distances[:, edges]).masked_fill(classes[:, None] == edges, 1.0)

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """The distributions at a rate of their own and without decay, the network faster than the encoder."""
        return [
            ParameterGroup(
                tuple(self.prototypes.parameters()), rate=self.distribution_rate, weight_decay=0.0
            ),
            ParameterGroup(tuple(self.network.parameters()), factor=self.network_factor),
        ]
