"""What a triplet costs whose positive is by a gap farther away than its negative."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from ..checks import check_number
from ..errors import ModelError

Margin = float | Literal["soft"]
"""m of the hinge, in the unit of the gap; or "soft", which has no margin."""


def check_margin(name: str, margin: Margin) -> None:
    """Raise ModelError unless it is "soft" or a positive number."""
    if isinstance(margin, str):
        if margin != "soft":
            raise ModelError(f'{name} is {margin!r} but must be "soft" or a number above 0: correct it')
        return
    check_number(name, margin, above=0.0)


def cost(gap: Tensor, margin: Margin) -> Tensor:
    """max(0, gap + m), or with "soft" ln(1 + exp(gap)), which goes on pulling when the triplet is in order."""
    if isinstance(margin, str):
        return functional.softplus(gap)
    return (gap + margin).clamp_min(0)
