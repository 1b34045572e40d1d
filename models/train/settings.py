"""How a trainer changes weights. Free of torch, so that a run file can be read at once."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from ..checks import check_settings
from ..optimiser_kind import OptimiserKind

Schedule = Literal["constant", "cosine", "step"]


@dataclass(frozen=True)
class OptimiserSettings:
    """optimiser: "adamw", "adam" or "sgd" (with momentum). learning_rate: of the schedule's base.

    weight_decay: only on weights with two or more dimensions: decaying biases and norms only adds noise.
    clip_norm: largest norm of the encoder's whole gradient; 0 leaves it as it is.
    """

    optimiser: OptimiserKind = "adamw"
    learning_rate: Annotated[float, Gt(0)] = 2e-3
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    clip_norm: Annotated[float, Ge(0)] = 5.0

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class ScheduleSettings:
    """schedule: "constant"; "cosine" down to `final_share` at the last step; "step", × `step_factor` every
    `step_every`.

    warmup_steps: the rate first rises linearly over this many steps, whatever the schedule.
    final_share: of the base rate, at the end of a cosine. step_every: steps between two reductions.
    """

    schedule: Schedule = "constant"
    warmup_steps: Annotated[int, Ge(0)] = 20
    final_share: Annotated[float, Ge(0), Le(1)] = 0.01
    step_every: Annotated[int, Ge(1)] = 1000
    step_factor: Annotated[float, Gt(0), Le(1)] = 0.1

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class TrainerSettings:
    """How weights are changed; see the parts.

    normalise: L2-normalise embeddings before the loss. autocast: bfloat16 inside the encoder; the loss is
    float32.
    channels_last: memory layout of images and weights; on a CPU it trains a convnet up to 1.6 times as fast.
    embed_rows: rows that a process pushes through the encoder at once, see `EncoderPass`; None: all of its share.
    ema_decay: of the moving average of the weights, see `Average`; None: no average.
    compile: the encoder by torch.compile.
    """

    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    normalise: bool = True
    autocast: bool = False
    channels_last: bool = True
    embed_rows: Annotated[int, Ge(1)] | None = None
    ema_decay: Annotated[float, Gt(0), Lt(1)] | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        check_settings(self)
