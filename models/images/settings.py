"""Settings of augmentation. Does not import torch, so that reading a run file stays fast."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from ..checks import check_settings


@dataclass(frozen=True)
class AugmentSettings:
    """Augmentation of training images.

    shift: greatest shift in pixels, drawn for each image and axis; the border is filled with black.
    flip: mirror half of the images left to right.
    """

    shift: Annotated[int, Ge(0)] = 0
    flip: bool = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def nothing(self) -> bool:
        """Whether images are left unchanged."""
        return self.shift == 0 and not self.flip
