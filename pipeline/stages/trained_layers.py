"""Layers that a loss trained beside the encoder, with the weights that an epoch gave them."""

from typing import TYPE_CHECKING

from ..artifacts.weights import STATE_FILE
from ..plan.stage import Job

if TYPE_CHECKING:
    from ...models.losses.objective import Objective
    from ...models.neck import Neck
    from ...models.score_head import ScoreHead


def head_of(job: Job) -> "ScoreHead":
    """The layer that scores labels or items, as the newest train stage among the job's parents left it, or as the run
    began."""
    from ..resolve.objective import score_head

    return score_head(job.spec, _trained(job))


def neck_of(job: Job) -> "Neck":
    """The same of the normalisation before the classifier."""
    from ..resolve.objective import trained_neck

    return trained_neck(_trained(job))


def _trained(job: Job) -> "Objective":
    from ..resolve.objective import trained_objective

    trained = any(ref.stage == "train" for ref in job.parent_digests)
    state = job.parent("train").checked(STATE_FILE) if trained else None
    return trained_objective(job.spec, classes=job.facts.classes, state=state)
