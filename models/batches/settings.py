"""How batches are composed. Free of torch, so that a run file can be read at once."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from ..checks import check_settings
from ..errors import ModelError


@dataclass(frozen=True)
class BatchShape:
    """classes_per_batch × images_per_class images; of fewer classes more images are taken, so that the size stays."""

    classes_per_batch: Annotated[int, Ge(2)] = 48
    images_per_class: Annotated[int, Ge(2)] = 8

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def images(self) -> int:
        """Images a batch."""
        return self.classes_per_batch * self.images_per_class

    def fitted(self, usable_classes: int) -> "BatchShape":
        """The shape for a data set of so many classes with at least two rows.

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
    """shape: classes × images a batch. random_images: beside them, of any classes, as FaceNet composes its batches."""

    shape: BatchShape = field(default_factory=BatchShape)
    random_images: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class NeighbourhoodSettings:
    """shape: classes × images a batch. random_share: of the classes of a batch that are drawn without the walk.

    Random classes could keep the rest of the space from drifting while the confused classes are pulled apart, but
    the walk reaches every class anyway.
    """

    shape: BatchShape = field(default_factory=BatchShape)
    random_share: Annotated[float, Ge(0), Le(1)] = 0.0

    def __post_init__(self) -> None:
        check_settings(self)
