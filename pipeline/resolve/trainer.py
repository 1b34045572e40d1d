"""Build the trainer's settings from [train] and [encoder]."""

from ...models.train.settings import OptimiserSettings, ScheduleSettings, TrainerSettings
from ..runfile.run_spec import RunSpec


def trainer_settings(spec: RunSpec) -> TrainerSettings:
    """The trainer's settings from [train] and [encoder]."""
    train = spec.train
    return train.build(
        TrainerSettings,
        optimiser=train.build(OptimiserSettings),
        schedule=train.build(ScheduleSettings),
        normalise=spec.encoder.normalise,
    )
