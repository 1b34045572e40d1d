"""Check that the run file of a run that trains nothing (its vectors are given) does not ask for training."""

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
"""A key of [train] that also limits the threads while embedding."""


def untrained_complaints(
    run: "RunSection", data: DataSpec, encoder: EncoderSpec, mine: MineSpec, train: TrainSpec, loss: LossSpec
) -> Iterator[str]:
    """Complaints about keys that ask for training where encoder.name is "identity", each with its remedy."""
    if encoder.learns:
        return
    why = f'encoder.name is "{encoder.name}", which returns vectors unchanged and has nothing to train'
    if "epochs" in run.model_fields_set and run.epochs > 1:
        yield f"run.epochs is {run.epochs} but {why}, so all epochs would be the same: remove run.epochs"
    yield from unused_keys("run", run, ["patience"], why)
    yield from unused_keys("data", data, ["augment"], why)
    yield from unused_keys("encoder", encoder, ["weights", "layer_norm"], why)
    yield from unused_keys("mine", mine, ["every"], why)
    if "warmup_epochs" in train.model_fields_set and train.warmup_epochs:
        yield f"train.warmup_epochs is {train.warmup_epochs} but {why}: remove train.warmup_epochs"
    others = [key for key in TrainSpec.model_fields if key not in ("warmup_epochs", _OF_EMBEDDING)]
    yield from unused_keys("train", train, others, why)
    yield from unused_keys("loss", loss, LossSpec.model_fields, why)
