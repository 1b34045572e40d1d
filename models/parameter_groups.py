"""Groups of parameters that are optimised alike: those of the encoder, and those of a loss."""

from dataclasses import dataclass
from typing import get_args

from torch import nn

from .checks import check_choice, check_number
from .errors import ModelError
from .optimiser_kind import OptimiserKind


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """parameters: optimised alike. Fields that are None are taken from `OptimiserSettings`.

    rate: learning rate; warm-up and schedule apply to it, too. factor: multiplies the rate. kind: "adamw", "adam" or
    "sgd". momentum: of "sgd". weight_decay: applied only to parameters with two or more dimensions.
    """

    parameters: tuple[nn.Parameter, ...]
    rate: float | None = None
    factor: float = 1.0
    kind: str | None = None
    momentum: float | None = None
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        check_number("the learning-rate factor of a parameter group", self.factor, above=0.0)
        if self.rate is not None:
            check_number("the learning rate of a parameter group", self.rate, above=0.0)
        if self.kind is not None:
            check_choice("the optimiser of a parameter group", self.kind, get_args(OptimiserKind))


def encoder_group(encoder: nn.Module) -> ParameterGroup:
    """The trainable weights of an encoder, in the order of `parameters()`."""
    trainable = tuple(parameter for parameter in encoder.parameters() if parameter.requires_grad)
    if not trainable:
        raise ModelError("the encoder has no trainable weights: unfreeze some")
    return ParameterGroup(trainable)
