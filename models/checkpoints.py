"""Tensors in safetensors files whose bytes depend only on what is in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import ModelError

DESCRIPTION = "tripletmine"
"""The one metadata key: safetensors writes several in an order that changes from process to process."""


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any] | None = None
) -> None:
    """Write tensors, and a JSON-able description, to `path`. The same content gives the same bytes.

    Not atomic: the caller writes to a temporary name, syncs and renames.
    """
    # Copies: tied weights share memory and channels_last ones are not contiguous, and neither can be written.
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    save_file(plain, path, metadata={DESCRIPTION: json.dumps(description or {}, sort_keys=True)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `save_tensors` wrote: tensors on the CPU, and the description.

    Raises ModelError when the file is missing, truncated, not safetensors, or not written by this project.
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
