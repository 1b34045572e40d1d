"""Settings of training. Does not import torch, so that reading a run file stays fast."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from ..checks import check_settings
from ..optimiser_kind import OptimiserKind

Schedule = Literal["constant", "cosine", "step"]


@dataclass(frozen=True)
class OptimiserSettings:
    """optimiser: "adamw", "adam" or "sgd" (with momentum). learning_rate: base rate, which the schedule multiplies.

    weight_decay: applied only to weights with two or more dimensions, since decaying biases and norms only adds noise.
    momentum: of "sgd". clip_norm: the encoder's gradient is scaled down to at most this norm; 0 turns clipping off.
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
    """schedule: "constant"; "cosine" down to `final_share` at the last step; "step", × `step_factor` each `step_every`.

    warmup_steps: the rate first rises linearly over this many steps, with any schedule. final_share: rate at the end of
    the cosine, as a share of the base rate. step_every: steps between two reductions.
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
    """Settings of a trainer.

    normalise: L2-normalise embeddings before the loss. autocast: use bfloat16 inside the encoder; the loss is float32.
    channels_last: memory layout of images and weights; on a CPU it trains a convnet up to 1.6 times as fast.
    embed_rows: rows that a process passes through the encoder at once, see `EncoderPass`; None for its whole share.
    ema_decay: decay of the moving average of the weights, see `Average`; None for no average.
    compile: compile the encoder with torch.compile.
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
