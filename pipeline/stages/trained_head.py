"""The layer that scores labels or items, with the weights that an epoch gave it."""

from typing import TYPE_CHECKING

from ..artifacts.weights import STATE_FILE
from ..plan.stage import Job

if TYPE_CHECKING:
    from ...models.score_head import ScoreHead


def trained_head(job: Job) -> "ScoreHead":
    """That of the run's loss, as the newest train stage among the job's parents left it, or as the run began."""
    from ..resolve.objective import score_head

    trained = any(ref.stage == "train" for ref in job.parent_digests)
    state = job.parent("train").checked(STATE_FILE) if trained else None
    return score_head(job.spec, classes=job.facts.classes, state=state)
