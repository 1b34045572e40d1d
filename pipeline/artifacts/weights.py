"""The files of the train stage, and which weights a stage begins with."""

from pathlib import Path

from ..plan.refs import StageRef
from ..plan.stage import Job

ENCODER_FILE = "encoder.safetensors"


STATE_FILE = "state.safetensors"


HEAD_FILE = "head.safetensors"
"""Of an exported encoder: the layer that scores labels or items."""


DECISIONS_FILE = "decisions.safetensors"
"""Of the test, and of an exported encoder: the networks by which labels are decided."""


NECK_FILE = "neck.safetensors"
"""Of an exported encoder: the batch normalisation of its features."""


def first_weights(ref: StageRef) -> tuple[StageRef, ...]:
    """The stage whose weights an epoch begins with: train of the epoch before; none before the first."""
    return (StageRef(ref.epoch - 1, "train"),) if ref.epoch else ()


def weights_of(job: Job) -> Path | None:
    """The checked checkpoint among a job's parents; None before any training."""
    if any(ref.stage == "train" for ref in job.parent_digests):
        return job.parent("train").checked(ENCODER_FILE)
    return None
