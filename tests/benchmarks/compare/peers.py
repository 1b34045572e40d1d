"""The peers: triplet losses of pytorch-metric-learning, unmodified, with its default distances."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BaseMiner, BatchHardMiner, TripletMarginMiner
from torch import Tensor
from torch.nn import functional
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.losses.global_loss import global_loss
from tripletmine.models.rules.pair_counts import count_pairs

MARGIN = 0.2
"""Of the library's triplet loss and semi-hard miner (its default for the miner), in plain, not squared, distance."""

T_GLOBAL, LAMBDA_GLOBAL = 0.4, 0.8
"""Of the global loss: the defaults of [loss], as for ours."""

Triplets = tuple[Tensor, Tensor, Tensor]
"""Anchors, positives and negatives as places in the batch, int64 (T,) each, as the library's miners give them."""

PeerLoss = Callable[[Tensor, Tensor], Tensor]
"""Embeddings (B, D), not normalised, and class codes int64 (B,) → the loss of the batch."""


def random_triplets(images_per_class: int) -> PeerLoss:
    """As many random triplets for each anchor as it has positives in the batch: no mining at all."""
    limit: Any = images_per_class - 1  # annotated as str there
    return TripletMarginLoss(margin=MARGIN, triplets_per_anchor=limit)


def batch_hard(_images_per_class: int) -> PeerLoss:
    """For each anchor the farthest positive and the nearest negative of the batch."""
    return _mined_by(BatchHardMiner())


def semi_hard(_images_per_class: int) -> PeerLoss:
    """All triplets of the batch whose negative is farther than the positive by less than the margin."""
    return _mined_by(TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard"))


def semi_hard_and_global(_images_per_class: int) -> PeerLoss:
    """`semi_hard` with our global loss of the same triplets added."""
    miner = TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard")
    return _mined_by(miner, also=_global_loss)


def _mined_by(miner: BaseMiner, also: Callable[[Tensor, Triplets], Tensor] | None = None) -> PeerLoss:
    loss = TripletMarginLoss(margin=MARGIN)

    def total(embeddings: Tensor, classes: Tensor) -> Tensor:
        found = miner(embeddings, classes)
        hinge = loss(embeddings, classes, found)
        return hinge + also(embeddings, found) if also and len(found[0]) else hinge

    return total


def _global_loss(embeddings: Tensor, found: Triplets) -> Tensor:
    return global_loss(
        pairwise_sq_distances(functional.normalize(embeddings)),
        *count_pairs(torch.stack(found, dim=1), len(embeddings)).shares,
        t_global=T_GLOBAL,
        lambda_global=LAMBDA_GLOBAL,
    )


PEERS: Mapping[str, Callable[[int], PeerLoss]] = {
    "random triplets": random_triplets,
    "pml batch-hard": batch_hard,
    "pml semi-hard": semi_hard,
    "pml semi-hard + global loss": semi_hard_and_global,
}
