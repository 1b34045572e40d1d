"""How a trainer changes weights."""

from dataclasses import dataclass, field

from ..checks import check_count, check_number
from .optimisers import OptimiserSettings
from .schedules import ScheduleSettings


@dataclass(frozen=True, slots=True)
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
    embed_rows: int | None = None
    ema_decay: float | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        if self.embed_rows is not None:
            check_count("train.embed_rows", self.embed_rows)
        if self.ema_decay is not None:
            check_number("train.ema_decay", self.ema_decay, at_least=0.0, below=1.0)
