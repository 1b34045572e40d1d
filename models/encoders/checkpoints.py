"""Checkpoints: tensors in safetensors files whose bytes depend only on their content."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import ModelError

DESCRIPTION = "tripletmine"
"""The only metadata key, since safetensors writes several in an order that varies from process to process."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any] | None = None
) -> None:
    """Write tensors, and a description for JSON, to `path`. The same content gives the same bytes.

    Not atomic: the caller writes to a temporary name, syncs and renames.
    """
    # Copied, since safetensors writes neither tied weights, which share memory, nor channels_last ones, which are not
    # contiguous.
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    save_file(plain, path, metadata={DESCRIPTION: json.dumps(description or {}, sort_keys=True)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of `save_tensors`: tensors on the CPU, and the description.

    Raises: ModelError when the file is missing, truncated, not safetensors, or not written by this project.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read the checkpoint {path}: {error}: restore it or train again") from error
    if DESCRIPTION not in metadata:
        raise ModelError(
            f"{path} is a safetensors file but no checkpoint of ours: give one that this project wrote"
        )
    try:
        description = json.loads(metadata[DESCRIPTION])
    except json.JSONDecodeError as error:
        raise ModelError(
            f"the description in {path} is damaged ({error}): restore it or train again"
        ) from error
    return tensors, description


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each name with `prefix` before it."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Only the tensors whose names have `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def weights_to_use(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's weights in a trainer's state, for any use but training on: the averaged ones if there are any."""
    return without_prefix("average/weights/", state) or without_prefix("encoder/", state)


def load_encoder_state(encoder: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load weights in place, or change nothing unless all names and shapes fit.

    Raises: ModelError that names the first weight that is missing, unknown or of another shape.
    """
    _load(encoder, state, "encoder", "make the encoder as it was, by the same name and arguments")


def load_objective_state(objective: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Like `load_encoder_state`, for the state of the losses."""
    _load(objective, state, "loss", "set [loss] as it was")


def load_layer_state(layer: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Like `load_encoder_state`, for a layer after an exported encoder."""
    _load(layer, state, "layer", "export the run again")


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
