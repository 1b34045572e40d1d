"""The optimiser of a run, and its state as plain tensors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..parameter_groups import ParameterGroup
from .settings import OptimiserSettings

_TORCH: dict[str, Callable[[list[dict[str, Any]]], torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


class Optimiser:
    """All groups of parameters, with one torch optimiser for each kind in use.

    named: every parameter that may be in a group, by the name to store its state under.
    """

    def __init__(
        self,
        named: Mapping[str, nn.Parameter],
        groups: Sequence[ParameterGroup],
        settings: OptimiserSettings,
    ) -> None:
        self._named = dict(named)
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for group in groups:
            by_kind.setdefault(group.kind or settings.optimiser, []).extend(_torch_groups(group, settings))
        self.torch_optimisers = [_TORCH[kind](found) for kind, found in by_kind.items()]

    def step(self, share: float) -> None:
        """Update the weights, each group with `share` times its base learning rate."""
        for optimiser in self.torch_optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * share
            optimiser.step()

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for optimiser in self.torch_optimisers:
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Copies of the optimisers' state, as `<parameter name>/<key>`, without settings and learning rates."""
        state: dict[str, Tensor] = {}
        for name, parameter in self._named.items():
            for optimiser in self.torch_optimisers:
                for key, value in optimiser.state.get(parameter, {}).items():
                    if value is not None:
                        state[f"{name}/{key}"] = torch.as_tensor(value).detach().clone()
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore the output of `state`. Raises: ModelError for a parameter that is not trained here."""
        owners: dict[nn.Parameter, torch.optim.Optimizer] = {}
        for optimiser in self.torch_optimisers:
            optimiser.state.clear()
            owners |= {p: optimiser for group in optimiser.param_groups for p in group["params"]}
        for full, value in state.items():
            name, _, key = full.rpartition("/")
            parameter = self._named.get(name)
            if parameter is None or parameter not in owners:
                raise ModelError(
                    f"the checkpoint has optimiser state for {name!r}, which is not trained here: set encoder "
                    "and loss as they were"
                )
            owners[parameter].state[parameter][key] = _placed(value, parameter)


def _torch_groups(group: ParameterGroup, settings: OptimiserSettings) -> list[dict[str, Any]]:
    """The group as torch's groups: weights with weight decay and weights without. Empty groups are left out."""
    base = group.factor * (settings.learning_rate if group.rate is None else group.rate)
    options: dict[str, Any] = {"lr": base, "base": base}
    if (group.kind or settings.optimiser) == "sgd":
        momentum = settings.momentum if group.momentum is None else group.momentum
        options |= {"momentum": momentum, "nesterov": momentum > 0}
    decay = settings.weight_decay if group.weight_decay is None else group.weight_decay
    split = (
        ([p for p in group.parameters if p.ndim >= 2], decay),
        ([p for p in group.parameters if p.ndim < 2], 0.0),
    )
    return [{"params": params, "weight_decay": each, **options} for params, each in split if params]


def _placed(value: Tensor, parameter: nn.Parameter) -> Tensor:
    """A copy of a value of the state, on the device and with the strides that torch would give it."""
    if value.ndim == 0:  # counts of steps stay on the CPU
        return value.clone()
    if value.shape == parameter.shape:  # empty_like copies the strides, too
        return torch.empty_like(parameter, requires_grad=False).copy_(value)
    return value.to(parameter.device, copy=True)
