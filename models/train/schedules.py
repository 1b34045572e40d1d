"""The learning rate as a pure function of the step."""

import math
from dataclasses import dataclass

from ..checks import check_choice, check_count, check_number

KINDS = ("constant", "cosine", "step")


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """kind: "constant"; "cosine" down to `final_share` at the last step; "step", × `step_factor` every
    `step_every`.

    warm_up_steps: the rate first rises linearly over this many steps, whatever the kind.
    final_share: of the base rate, at the end of a cosine. step_every: steps between two reductions.
    """

    kind: str = "cosine"
    warm_up_steps: int = 20
    final_share: float = 0.01
    step_every: int = 1000
    step_factor: float = 0.1

    def __post_init__(self) -> None:
        check_choice("train.schedule", self.kind, KINDS)
        check_count("train.warm_up_steps", self.warm_up_steps, at_least=0)
        check_number("train.final_share", self.final_share, at_least=0.0, at_most=1.0)
        check_count("train.step_every", self.step_every)
        check_number("train.step_factor", self.step_factor, above=0.0, at_most=1.0)

    @property
    def needs_total(self) -> bool:
        """Whether the rate of a step depends on how long the whole run is."""
        return self.kind == "cosine"


def learning_rate(settings: ScheduleSettings, *, base: float, step: int, total_steps: int) -> float:
    """The rate of step `step` (0-based) of a run of `total_steps`; a step beyond the end has the rate of the end.

    >>> settings = ScheduleSettings(kind="cosine", warm_up_steps=2, final_share=0.0)
    >>> [round(learning_rate(settings, base=1.0, step=step, total_steps=6), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.75, 0.25, 0.0, 0.0]
    """
    warm = settings.warm_up_steps
    if step < warm:
        return base * (step + 1) / warm
    if settings.kind == "constant":
        return base
    if settings.kind == "step":
        return base * settings.step_factor ** ((step - warm) // settings.step_every)
    done = min(1.0, (step - warm) / max(1, total_steps - 1 - warm))
    return base * (settings.final_share + (1 - settings.final_share) * 0.5 * (1 + math.cos(math.pi * done)))
