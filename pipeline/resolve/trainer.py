"""From [train] and [encoder] to the trainer's settings."""

from ...models.train.optimisers import OptimiserSettings
from ...models.train.schedules import ScheduleSettings
from ...models.train.settings import TrainerSettings
from ..runfile.run_spec import RunSpec


def trainer_settings(spec: RunSpec) -> TrainerSettings:
    """The trainer's settings from [train] and [loss]."""
    train = spec.train
    return TrainerSettings(
        optimiser=OptimiserSettings(
            kind=train.optimiser,
            learning_rate=train.learning_rate,
            weight_decay=train.weight_decay,
            momentum=train.momentum,
            clip_norm=train.clip_norm,
        ),
        schedule=ScheduleSettings(
            kind=train.schedule,
            warm_up_steps=train.warmup_steps,
            step_every=train.step_every,
            step_factor=train.step_factor,
        ),
        normalise=spec.encoder.normalise,
        autocast=train.autocast,
        channels_last=train.channels_last,
        embed_rows=train.embed_rows,
        ema_decay=train.ema_decay,
        compile=train.compile,
    )
