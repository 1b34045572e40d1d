"""The files of weights, and the weights that a stage starts from."""

from pathlib import Path

from ..plan.refs import StageRef
from ..plan.stage import Job

ENCODER_FILE = "encoder.safetensors"

STATE_FILE = "state.safetensors"
"""State of the trainer: objective, optimiser and schedule."""

HEAD_FILE = "head.safetensors"
"""In an exported encoder: the layer that scores labels or items."""

DECISIONS_FILE = "decisions.safetensors"
"""In the test evaluation and an exported encoder: the networks that decide which labels to assign."""

NECK_FILE = "neck.safetensors"
"""In an exported encoder: the batch normalisation of its features."""


def first_weights(ref: StageRef) -> tuple[StageRef, ...]:
    """The stage whose weights an epoch starts from: train of the previous epoch; none for the first epoch."""
    return (StageRef(ref.epoch - 1, "train"),) if ref.epoch else ()


def weights_of(job: Job) -> Path | None:
    """The encoder's weights of the train stage among a job's parents, checked; None if there is none."""
    if any(ref.stage == "train" for ref in job.parent_digests):
        return job.parent("train").checked(ENCODER_FILE)
    return None
