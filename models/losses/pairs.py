"""Which pairs of a batch are of one class, and which are not."""

import torch
from torch import Tensor


def positive_pairs(classes: Tensor) -> Tensor:
    """bool (B, B): another row of the same class. classes: int64 (B,)."""
    itself = torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    return (classes[:, None] == classes) & ~itself


def negative_pairs(classes: Tensor) -> Tensor:
    """bool (B, B): a row of another class. classes: int64 (B,)."""
    return classes[:, None] != classes
