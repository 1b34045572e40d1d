"""What a run file may say, and may not, of a run that trains nothing: one whose vectors are given."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .data_spec import DataSpec
from .loss_spec import LossSpec
from .train_spec import TrainSpec
from .unused import unused_keys
from .work_specs import EncoderSpec, MineSpec

if TYPE_CHECKING:
    from .run_spec import RunSection

_OF_EMBEDDING = "compute_threads"
"""Of [train], but it also bounds the threads that embed."""


def untrained_complaints(
    run: "RunSection", data: DataSpec, encoder: EncoderSpec, mine: MineSpec, train: TrainSpec, loss: LossSpec
) -> Iterator[str]:
    """What of these sections asks for training where encoder.name is "identity", each with its remedy."""
    if encoder.learns:
        return
    why = f'encoder.name is "{encoder.name}", which gives vectors as they are and has nothing to train'
    if "epochs" in run.model_fields_set and run.epochs > 1:
        yield f"run.epochs is {run.epochs} but {why}, so that all epochs would be alike: remove run.epochs"
    yield from unused_keys("run", run, ["patience"], why)
    yield from unused_keys("data", data, ["augment"], why)
    yield from unused_keys("encoder", encoder, ["weights", "layer_norm"], why)
    yield from unused_keys("mine", mine, ["every"], why)
    if "warmup_epochs" in train.model_fields_set and train.warmup_epochs:
        yield f"train.warmup_epochs is {train.warmup_epochs} but {why}: remove train.warmup_epochs"
    others = [key for key in TrainSpec.model_fields if key not in ("warmup_epochs", _OF_EMBEDDING)]
    yield from unused_keys("train", train, others, why)
    yield from unused_keys("loss", loss, LossSpec.model_fields, why)
