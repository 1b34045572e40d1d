"""Random changes of images. Free of torch, so that a run file can be read at once."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from ..checks import check_settings


@dataclass(frozen=True)
class AugmentSettings:
    """Random changes to training images.

    shift: largest shift in pixels, drawn for each image and axis; what comes in is black.
    flip: mirror half of the images left to right.
    """

    shift: Annotated[int, Ge(0)] = 0
    flip: bool = False

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def nothing(self) -> bool:
        """Whether images stay as they are."""
        return self.shift == 0 and not self.flip
