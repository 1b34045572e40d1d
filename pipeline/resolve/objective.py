"""From [loss] to what the trainer minimises."""

from collections.abc import Callable
from typing import get_args

from ...models.losses.batch_all import BatchAllLoss
from ...models.losses.batch_hard import BatchHardLoss
from ...models.losses.centre import CentreLoss
from ...models.losses.centroid import CentroidTripletLoss
from ...models.losses.classification import ClassificationLoss
from ...models.losses.global_loss import GlobalLoss
from ...models.losses.hist import HistLoss
from ...models.losses.library import library_loss
from ...models.losses.loss import Loss
from ...models.losses.mdr import MdrLoss
from ...models.losses.objective import Objective, Term
from ...models.losses.quadruplet import QuadrupletLoss
from ...models.losses.triplet import TripletLoss
from ...models.seeds import seeded_by
from ..runfile.loss_spec import LossName
from ..runfile.run_spec import RunSpec

_ORDER: tuple[LossName, ...] = get_args(LossName)
"""Of the terms, whatever their order in the run file; and the number of a loss among the run's seeds."""


def build_objective(spec: RunSpec, *, classes: int) -> Objective:
    """The losses of a run with their weights. classes: of the training split.

    The first weights of a loss follow from the run's seed and its name, not from the other losses.
    Raises: ModelError for a loss from a library that cannot be made.
    """
    terms: dict[str, Term] = {}
    for number, name in enumerate(_ORDER):
        if name in spec.loss.weights:
            with seeded_by(spec.run.seed, number):
                terms[name] = Term(_makers(spec, classes)[name](), spec.loss.weights[name])
    return Objective(terms)


def _makers(spec: RunSpec, classes: int) -> dict[LossName, Callable[[], Loss]]:
    loss, width = spec.loss, spec.encoder.embedding_dim
    sizes = {"classes": classes, "width": width}
    return {
        "triplet": lambda: TripletLoss(spec.margin),
        "global": lambda: GlobalLoss(t_global=loss.t_global, lambda_global=loss.lambda_global),
        "batch_hard": lambda: BatchHardLoss(**loss.batch_hard.model_dump()),
        "batch_all": lambda: BatchAllLoss(**loss.batch_all.model_dump()),
        "quadruplet": lambda: QuadrupletLoss(width=width, **loss.quadruplet.model_dump()),
        "centroid": lambda: CentroidTripletLoss(loss.centroid.margin),
        "classification": lambda: ClassificationLoss(**sizes, smoothing=loss.classification.smoothing),
        "centre": lambda: CentreLoss(
            **sizes, weight=loss.weights["centre"], centre_rate=loss.centre.centre_rate
        ),
        "hist": lambda: HistLoss(**sizes, **loss.hist.model_dump()),
        "mdr": lambda: MdrLoss(levels=loss.mdr.levels, momentum=loss.mdr.momentum),
        "library": lambda: library_loss(
            loss.library.factory or "", **sizes, arguments=loss.library.arguments, rate=loss.library.rate
        ),
    }
