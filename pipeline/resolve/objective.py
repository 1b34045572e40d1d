"""Build the training objective from [loss]."""

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
"""Order of the terms, whatever their order in the run file. A loss's position also seeds its initial weights."""


def build_objective(spec: RunSpec, *, classes: int) -> Objective:
    """The losses of a run with their weights. classes: number of classes of the training split.

    The initial weights of a loss depend on the run's seed and the loss's name, not on the other losses.
    Raises: ModelError if a library's loss cannot be built.
    """
    terms: dict[str, Term] = {}
    for number, name in enumerate(_ORDER):
        if name in spec.loss.weights:
            with seeded_by(spec.run.seed, number):
                terms[name] = Term(_makers(spec, classes)[name](), spec.loss.weights[name])
    return Objective(terms)


def trained_objective(spec: RunSpec, *, classes: int, state: Path | None) -> Objective:
    """The losses of a run as trained. state: file of a trainer's state (safetensors), or None for initial weights.

    Raises: ModelError if the state is that of other losses.
    """
    objective = build_objective(spec, classes=classes)
    if state is not None:
        load_objective_state(objective, without_prefix("objective/", load_tensors(state)[0]))
    return objective


def score_head(spec: RunSpec, objective: Objective) -> ScoreHead:
    """The layer of the loss that scores labels or items; the run must have such a loss."""
    return cast("LabelLoss | ScoreLoss", objective.terms[str(spec.loss.scoring)]).head


def trained_neck(objective: Objective) -> Neck:
    """The batch normalisation before the classifier, with running statistics; the run must have one."""
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
