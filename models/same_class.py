"""When two rows of a batch are positives of each other: said here, for every rule and loss."""

import torch
from torch import Tensor


def same_class(classes: Tensor, members: Tensor | None = None) -> Tensor:
    """bool (B, B): rows that share a class. A row shares its own.

    classes: int64 (B,), the class of each row. members: bool (B, M), which of M classes each row has, where rows may
    have several: their sets then have to meet. None: every row has its one class only.
    """
    if members is None:
        return classes[:, None] == classes
    # Sums of at most 2²⁴ ones are exact in float32, and a product is what every device does fast.
    listed = members.to(torch.float32)
    return listed @ listed.T > 0
