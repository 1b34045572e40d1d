"""Layers that a loss trains along with the encoder, with the weights of an epoch."""

from typing import TYPE_CHECKING

from ..artifacts.weights import STATE_FILE
from ..plan.stage import Job

if TYPE_CHECKING:
    from ...models.losses.objective import Objective
    from ...models.neck import Neck
    from ...models.score_head import ScoreHead


def head_of(job: Job) -> "ScoreHead":
    """The layer that scores labels or items, with the weights of the train stage among the job's parents, or untrained
    if there is none."""
    from ..resolve.objective import score_head

    return score_head(job.spec, _trained(job))


def neck_of(job: Job) -> "Neck":
    """The batch normalisation before the classifier, with weights as for `head_of`."""
    from ..resolve.objective import trained_neck

    return trained_neck(_trained(job))


def _trained(job: Job) -> "Objective":
    from ..resolve.objective import trained_objective

    trained = any(ref.stage == "train" for ref in job.parent_digests)
    state = job.parent("train").checked(STATE_FILE) if trained else None
    return trained_objective(job.spec, classes=job.facts.classes, state=state)
