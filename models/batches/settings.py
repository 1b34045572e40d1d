"""Settings of batches. Does not import torch, so that reading a run file stays fast."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from ..checks import check_settings
from ..errors import ModelError


@dataclass(frozen=True)
class BatchShape:
    """A batch of classes_per_batch × images_per_class images.

    If the data set has fewer classes, more images of each are taken, so that the batch keeps its size.
    """

    classes_per_batch: Annotated[int, Ge(2)] = 48
    images_per_class: Annotated[int, Ge(2)] = 8

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def images(self) -> int:
        """Number of images in a batch."""
        return self.classes_per_batch * self.images_per_class

    def fitted(self, usable_classes: int) -> "BatchShape":
        """The shape for a data set with `usable_classes` classes of at least two rows.

        >>> BatchShape(classes_per_batch=48, images_per_class=8).fitted(10)
        BatchShape(classes_per_batch=10, images_per_class=38)
        """
        if usable_classes < 2:
            raise ModelError(
                f"the training set has {usable_classes} classes of at least 2 rows but batches need 2: add "
                "rows or labels"
            )
        if usable_classes >= self.classes_per_batch:
            return self
        return BatchShape(usable_classes, self.images // usable_classes)


@dataclass(frozen=True)
class BalancedSettings:
    """shape: classes × images per batch. random_images: further images of any class per batch, as in FaceNet."""

    shape: BatchShape = field(default_factory=BatchShape)
    random_images: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class NeighbourhoodSettings:
    """shape: classes × images per batch. random_share: share of a batch's classes drawn at random, not by the walk.

    Random classes could keep the rest of the space from drifting while confused classes are pulled apart, but the walk
    reaches every class anyway.
    """

    shape: BatchShape = field(default_factory=BatchShape)
    random_share: Annotated[float, Ge(0), Le(1)] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)
