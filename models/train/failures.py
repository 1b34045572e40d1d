"""Find NaN and infinite values before they reach the weights."""

import math

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError
from ..losses.objective import LossParts

_SHOWN = 8
_KEPT = "the weights are those of the step before"


def finite_losses(
    parts: LossParts, features: Tensor, *, step: int, rows: NDArray
) -> tuple[float, dict[str, float]]:
    """The total loss and its parts as numbers, in one transfer from the device.

    rows: of the batch, for error messages. Raises: ModelError unless the losses and all features are finite.
    """
    finite = torch.isfinite(features).all()
    scalars = [part.detach() for part in (parts.total, *parts.parts.values())]
    total, *losses, embedded = torch.stack([*scalars, finite.float()]).tolist()
    if not embedded:
        rows = rows[(~torch.isfinite(features).all(dim=1)).cpu().numpy()]
        total = math.nan
    if not math.isfinite(total):
        raise ModelError(
            f"the loss of step {step} is {total} (rows {_some(rows)}): "
            f"repair or drop these rows, or lower learning_rate; {_KEPT}"
        )
    return total, dict(zip(parts.parts, losses, strict=True))


def check_gradient(norm: Tensor, *, step: int, rows: NDArray) -> None:
    """Raise ModelError unless the gradient's norm is finite."""
    if not bool(torch.isfinite(norm)):
        raise ModelError(
            f"the gradient of step {step} is {norm.item()} (rows {_some(rows)}): "
            f"lower learning_rate, or train without autocast; {_KEPT}"
        )


def _some(rows: NDArray) -> str:
    names = ", ".join(map(str, rows[:_SHOWN].tolist()))
    return names if len(rows) <= _SHOWN else f"{names}, … of {len(rows)}"
