"""From [loss] to what the trainer minimises."""

from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

from ...models.encoders.checkpoints import load_objective_state, load_tensors, without_prefix
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
from ...models.losses.ranking.labels import BinaryCrossEntropyLoss, HingeRankingLoss, LabelLoss, LsepLoss
from ...models.losses.ranking.order import RankingLoss, ScoreLoss, ValueLoss
from ...models.losses.settings import (
    BatchAllSettings,
    BatchHardSettings,
    CentreSettings,
    CentroidSettings,
    ClassificationSettings,
    GlobalSettings,
    HingeRankingSettings,
    HistSettings,
    LibrarySettings,
    LsepSettings,
    MdrSettings,
    QuadrupletSettings,
    RankingSettings,
)
from ...models.losses.triplet import TripletLoss
from ...models.neck import Neck
from ...models.score_head import ScoreHead
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


def trained_objective(spec: RunSpec, *, classes: int, state: Path | None) -> Objective:
    """The losses of a run as trained. state: of a trainer (safetensors); None: as the run begins.

    Raises: ModelError for the state of other losses.
    """
    objective = build_objective(spec, classes=classes)
    if state is not None:
        load_objective_state(objective, without_prefix("objective/", load_tensors(state)[0]))
    return objective


def score_head(spec: RunSpec, objective: Objective) -> ScoreHead:
    """The layer of the loss that scores labels or items. For runs that have one."""
    return cast("LabelLoss | ScoreLoss", objective.terms[str(spec.loss.scoring)]).head


def trained_neck(objective: Objective) -> Neck:
    """The normalisation before the classifier, with its running statistics. For runs that have one."""
    return cast("ClassificationLoss", objective.terms["classification"]).neck


def _makers(spec: RunSpec, classes: int) -> dict[LossName, Callable[[], Loss]]:
    loss, width = spec.loss, spec.encoder.embedding_dim
    sizes = {"classes": classes, "width": width}
    return {
        "triplet": lambda: TripletLoss(spec.margin),
        "global": lambda: GlobalLoss(loss.build(GlobalSettings)),
        "batch_hard": lambda: BatchHardLoss(loss.batch_hard.build(BatchHardSettings)),
        "batch_all": lambda: BatchAllLoss(loss.batch_all.build(BatchAllSettings)),
        "quadruplet": lambda: QuadrupletLoss(loss.quadruplet.build(QuadrupletSettings), width=width),
        "centroid": lambda: CentroidTripletLoss(loss.centroid.build(CentroidSettings)),
        "classification": lambda: ClassificationLoss(
            loss.classification.build(ClassificationSettings), **sizes
        ),
        "centre": lambda: CentreLoss(
            loss.centre.build(CentreSettings), **sizes, weight=loss.weights["centre"]
        ),
        "hist": lambda: HistLoss(loss.hist.build(HistSettings), **sizes),
        "mdr": lambda: MdrLoss(loss.mdr.build(MdrSettings)),
        "library": lambda: library_loss(
            loss.library.factory or "",
            **sizes,
            arguments=loss.library.arguments,
            settings=loss.library.build(LibrarySettings),
        ),
        "lsep": lambda: LsepLoss(loss.lsep.build(LsepSettings), **sizes),
        "hinge_ranking": lambda: HingeRankingLoss(loss.hinge_ranking.build(HingeRankingSettings), **sizes),
        "binary_cross_entropy": lambda: BinaryCrossEntropyLoss(**sizes),
        "ranking": lambda: RankingLoss(loss.ranking.build(RankingSettings), width=width),
        "value_regression": lambda: ValueLoss(width=width),
    }
