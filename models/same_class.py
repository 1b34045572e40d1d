"""Which rows of a batch are positives of each other, for all rules and losses."""

import torch
from torch import Tensor


def same_class(classes: Tensor, members: Tensor | None = None) -> Tensor:
    """bool (B, B): whether two rows share a class; True on the diagonal.

    classes: int64 (B,), the class of each row. members: bool (B, M), which of M classes each row has, if rows may have
    several; None if each row has one class.
    """
    if members is None:
        return classes[:, None] == classes
    # A matrix product is fast on every device, and sums of at most 2²⁴ ones are exact in float32.
    listed = members.to(torch.float32)
    return listed @ listed.T > 0
