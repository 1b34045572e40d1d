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


def load_encoder_state(encoder: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights in place; nothing is changed unless names and shapes all fit.

    Raises ModelError naming the first weight that is missing, left over or of another shape.
    """
    own = encoder.state_dict()
    remedy = "the checkpoint belongs to another encoder, set encoder.name and encoder.arguments as they were"
    for name in own:
        if name not in state:
            raise ModelError(f"the checkpoint has no weight {name!r}: {remedy}")
    for name, tensor in state.items():
        if name not in own:
            raise ModelError(
                f"the checkpoint has the weight {name!r}, which the encoder does not have: {remedy}"
            )
        if tensor.shape != own[name].shape:
            raise ModelError(
                f"the checkpoint's weight {name!r} is {tuple(tensor.shape)} but the encoder's is "
                f"{tuple(own[name].shape)}: {remedy}"
            )
    encoder.load_state_dict(dict(state))
