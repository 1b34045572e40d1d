"""The optimiser of a run, and its state as plain tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .checks import check_choice, check_number
from .errors import ModelError

KINDS = ("adamw", "adam", "sgd")


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """kind: "adamw", "adam" or "sgd" (with momentum). learning_rate: of the schedule's base.

    weight_decay: only on weights with two or more dimensions: decaying biases and norms only adds noise.
    clip_norm: largest norm of the whole gradient; 0 leaves it as it is.
    """

    kind: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    momentum: float = 0.9
    clip_norm: float = 5.0

    def __post_init__(self) -> None:
        check_choice("train.optimiser", self.kind, KINDS)
        check_number("train.learning_rate", self.learning_rate, above=0.0)
        check_number("train.weight_decay", self.weight_decay, at_least=0.0)
        check_number("train.momentum", self.momentum, at_least=0.0, below=1.0)
        check_number("train.clip_norm", self.clip_norm, at_least=0.0)


def build_optimiser(encoder: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    """An optimiser over the encoder's trainable weights, in the order of `named_parameters`."""
    trainable = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    if not trainable:
        raise ModelError("the encoder has no trainable weights: unfreeze some or set train.epochs to 0")
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = settings.learning_rate
    if settings.kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, nesterov=settings.momentum > 0)
    kind = torch.optim.AdamW if settings.kind == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate)


def optimiser_state(optimiser: torch.optim.Optimizer, encoder: nn.Module) -> dict[str, Tensor]:
    """Copies of what the optimiser keeps, as `<parameter name>/<key>`, without settings and learning rate."""
    state: dict[str, Tensor] = {}
    for name, parameter in encoder.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            if value is not None:
                state[f"{name}/{key}"] = torch.as_tensor(value).detach().clone()
    return state


def load_optimiser_state(
    optimiser: torch.optim.Optimizer, encoder: nn.Module, state: Mapping[str, Tensor]
) -> None:
    """Put back what `optimiser_state` gave; ModelError for a parameter that the encoder does not have."""
    parameters = dict(encoder.named_parameters())
    optimiser.state.clear()
    for full, value in state.items():
        name, _, key = full.rpartition("/")
        if name not in parameters:
            raise ModelError(
                f"the checkpoint has optimiser state for {name!r}, which the encoder does not have"
            )
        parameter = parameters[name]
        shared = value.ndim > 0  # counts of steps stay where they are: on the CPU
        copy = value.to(parameter.device) if shared else value
        copy = copy.clone(memory_format=torch.preserve_format)
        if shared and copy.shape == parameter.shape:  # strides too, as fresh state would have them
            copy = torch.empty_like(parameter, requires_grad=False).copy_(copy)
        optimiser.state[parameter][key] = copy
