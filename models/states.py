"""Weights as flat dictionaries of tensors."""

from collections.abc import Mapping

from torch import Tensor, nn

from .errors import ModelError


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each name with `prefix` before it."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Only the tensors whose names have `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def weights_to_use(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder of a trainer's state, for anything but training on: the averaged weights where there are some."""
    return without_prefix("average/weights/", state) or without_prefix("encoder/", state)


def load_encoder_state(encoder: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights in place; nothing is changed unless names and shapes all fit.

    Raises ModelError naming the first weight that is missing, left over or of another shape.
    """
    _load(encoder, state, "encoder", "set encoder.name and encoder.arguments as they were")


def load_objective_state(objective: nn.Module, state: Mapping[str, Tensor]) -> None:
    """The same for what the losses have learnt."""
    _load(objective, state, "loss", "set [loss] as it was")


def _load(module: nn.Module, state: Mapping[str, Tensor], kind: str, how: str) -> None:
    own = module.state_dict()
    remedy = f"the checkpoint belongs to another {kind}, {how}"
    for name in own:
        if name not in state:
            raise ModelError(f"the checkpoint has no weight {name!r}: {remedy}")
    for name, tensor in state.items():
        if name not in own:
            raise ModelError(
                f"the checkpoint has the weight {name!r}, which the {kind} does not have: {remedy}"
            )
        if tensor.shape != own[name].shape:
            raise ModelError(
                f"the checkpoint's weight {name!r} is {tuple(tensor.shape)} but the {kind}'s is "
                f"{tuple(own[name].shape)}: {remedy}"
            )
    module.load_state_dict(dict(state))
