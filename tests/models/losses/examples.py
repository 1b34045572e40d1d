"""Small batches for the tests of losses, and every loss that needs no mined triplets."""

from typing import Any

import torch
from present import present
from torch import nn
from torch.nn import functional
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.losses.batch_all import BatchAllLoss
from tripletmine.models.losses.batch_hard import BatchHardLoss
from tripletmine.models.losses.centre import CentreLoss
from tripletmine.models.losses.centroid import CentroidTripletLoss
from tripletmine.models.losses.classification import ClassificationLoss
from tripletmine.models.losses.hist import HistLoss
from tripletmine.models.losses.library import LibraryLoss
from tripletmine.models.losses.loss import LossInputs
from tripletmine.models.losses.mdr import MdrLoss
from tripletmine.models.losses.quadruplet import QuadrupletLoss
from tripletmine.models.losses.ranking.labels import BinaryCrossEntropyLoss, HingeRankingLoss, LsepLoss
from tripletmine.models.losses.settings import (
    BatchAllSettings,
    BatchHardSettings,
    CentreSettings,
    CentroidSettings,
    ClassificationSettings,
    HingeRankingSettings,
    HistSettings,
    LibrarySettings,
    LsepSettings,
    MdrSettings,
    QuadrupletSettings,
)
from tripletmine.models.rules.in_batch import InBatch, SemiHard

from ..label_sets import codes_of, first_of, members_of

CLASSES, WIDTH = 6, 4

UNEVEN = torch.tensor([3, 0, 0, 1, 3, 1, 0, 5, 3])
"""Class 5 has one row; classes 2 and 4 have none."""

ROWS = 9


class Proxies(nn.Module):
    """A loss as a library would have it: softmax over the distances to a point for each class."""

    def __init__(self):
        super().__init__()
        self.points = nn.Parameter(torch.randn(CLASSES, WIDTH))

    def forward(self, embeddings, labels):
        distances = (embeddings[:, None] - self.points).square().sum(dim=2)
        return functional.cross_entropy(-distances, labels)


METHODS = {
    "batch_hard": lambda: BatchHardLoss(BatchHardSettings()),
    "batch_hard_hinge": lambda: BatchHardLoss(BatchHardSettings(0.3)),
    "batch_hard_absolute": lambda: BatchHardLoss(BatchHardSettings(relative=False)),
    "batch_all": lambda: BatchAllLoss(BatchAllSettings()),
    "batch_all_hinge": lambda: BatchAllLoss(BatchAllSettings(0.3, "all")),
    "batch_all_soft": lambda: BatchAllLoss(BatchAllSettings("soft")),
    "quadruplet": lambda: QuadrupletLoss(QuadrupletSettings(), width=WIDTH),
    "quadruplet_absolute": lambda: QuadrupletLoss(QuadrupletSettings(relative=False), width=WIDTH),
    "centroid": lambda: CentroidTripletLoss(CentroidSettings()),
    "centroid_paper": lambda: CentroidTripletLoss(CentroidSettings(**CentroidSettings.paper)),
    "classification": lambda: ClassificationLoss(ClassificationSettings(), classes=CLASSES, width=WIDTH),
    "centre": lambda: CentreLoss(CentreSettings(), classes=CLASSES, width=WIDTH, weight=0.5),
    "hist": lambda: HistLoss(HistSettings(hidden=8), classes=CLASSES, width=WIDTH),
    "hist_paper": lambda: HistLoss(
        HistSettings(hidden=8, **HistSettings.paper), classes=CLASSES, width=WIDTH
    ),
    "mdr": lambda: MdrLoss(MdrSettings()),
    "mdr_paper": lambda: MdrLoss(MdrSettings(**MdrSettings.paper)),
    "library": lambda: LibraryLoss(Proxies(), subject="a loss", settings=LibrarySettings(rate=0.05)),
    "lsep": lambda: LsepLoss(LsepSettings(), classes=CLASSES, width=WIDTH),
    "hinge_ranking": lambda: HingeRankingLoss(HingeRankingSettings(), classes=CLASSES, width=WIDTH),
    "binary_cross_entropy": lambda: BinaryCrossEntropyLoss(classes=CLASSES, width=WIDTH),
}


def method(name, seed=0):
    """A loss with seeded weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return METHODS[name]()


def features(rows=ROWS, seed=0, dtype=torch.float64):
    """Rows (rows, WIDTH) that are not of unit length."""
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def inputs_of(rows, classes=UNEVEN, *, normalise=True, sets=None):
    """What the trainer would pass on, with semi-hard triplets. sets: sets of class codes, instead of classes."""
    members = codes = None
    if sets is not None:
        classes, members, codes = first_of(sets), members_of(sets), codes_of(sets)
    embeddings = functional.normalize(rows) if normalise else rows
    distances = pairwise_sq_distances(embeddings)
    with torch.no_grad():
        picked = SemiHard(0.2)(
            InBatch(distances.float(), classes, torch.arange(len(classes)), members=members)
        )
    return LossInputs(rows, embeddings, distances, classes, picked, members, codes)


def gradient(loss, rows, classes=UNEVEN, **options):
    """Value and gradient at the rows, and the gradients of the loss's own parameters by name."""
    rows = rows.detach().clone().requires_grad_()
    loss.zero_grad()
    value = loss(inputs_of(rows, classes, **options))
    value.backward()
    found: dict[str, Any] = {name: parameter.grad for name, parameter in loss.named_parameters()}
    return value.detach(), present(rows.grad), found


def sq_distance(x, y):
    """Σ (x − y)², a float64 scalar."""
    return ((x - y) ** 2).sum()


def triplets(classes=UNEVEN):
    """All (a, p, n) of a batch, by three loops."""
    codes = classes.tolist()
    places = range(len(codes))
    return [
        (a, p, n)
        for a in places
        for p in places
        for n in places
        if a != p and codes[a] == codes[p] and codes[a] != codes[n]
    ]


def mean(values):
    """The mean of a list of scalars."""
    return torch.stack(list(values)).mean()
