"""The learning rate as a pure function of the step."""

import math

from .settings import ScheduleSettings


def learning_rate(settings: ScheduleSettings, *, base: float, step: int, total_steps: int) -> float:
    """The learning rate of step `step` (0-based) of a run of `total_steps`; later steps have the rate of the last one.

    >>> settings = ScheduleSettings("cosine", warmup_steps=2, final_share=0.0)
    >>> [round(learning_rate(settings, base=1.0, step=step, total_steps=6), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.75, 0.25, 0.0, 0.0]
    """
    warm = settings.warmup_steps
    if step < warm:
        return base * (step + 1) / warm
    if settings.schedule == "constant":
        return base
    if settings.schedule == "step":
        return base * settings.step_factor ** ((step - warm) // settings.step_every)
    done = min(1.0, (step - warm) / max(1, total_steps - 1 - warm))
    return base * (settings.final_share + (1 - settings.final_share) * 0.5 * (1 + math.cos(math.pi * done)))
