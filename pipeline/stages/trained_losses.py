"""The losses of a run with the weights that an epoch gave them."""

from typing import TYPE_CHECKING, cast

from ..artifacts.weights import STATE_FILE
from ..plan.stage import Job

if TYPE_CHECKING:
    from ...models.losses.loss import Loss


def trained_loss(job: Job, name: str) -> "Loss":
    """A loss of the run as the newest train stage among the job's parents left it, or as the run began."""
    from ...models.encoders.checkpoints import load_objective_state, load_tensors, without_prefix
    from ..resolve.objective import build_objective

    objective = build_objective(job.spec, classes=job.facts.classes)
    if any(ref.stage == "train" for ref in job.parent_digests):
        state, _ = load_tensors(job.parent("train").checked(STATE_FILE))
        load_objective_state(objective, without_prefix("objective/", state))
    return cast("Loss", objective.terms[name])
