"""What a batch is, and the settings that all ways of composing one share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from ..errors import ModelError


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one training step.

    rows: int64 (B,), rows of the training set, all different. classes: int32 (B,), their class codes; of several the
    first.
    triplets: int64 (T, 3), places in the batch (0 … B−1) of anchor, positive and negative; None when the batch rule is
    to find them.
    members: bool (B, M), which of the M classes in the batch each row has; None where every row has one class only.
    """

    rows: NDArray[np.int64]
    classes: NDArray[np.int32]
    triplets: NDArray[np.int64] | None = None
    members: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class BatchShape:
    """classes × images_per_class images; of fewer classes more images are taken, so that the size stays."""

    classes: int = 48
    images_per_class: int = 8

    def __post_init__(self) -> None:
        check_count("train.batch.classes", self.classes, at_least=2)
        check_count("train.batch.images_per_class", self.images_per_class, at_least=2)

    @property
    def images(self) -> int:
        """Images a batch."""
        return self.classes * self.images_per_class

    def fitted(self, usable_classes: int) -> "BatchShape":
        """The shape for a data set of so many classes with at least two rows.

        >>> BatchShape(classes=48, images_per_class=8).fitted(10)
        BatchShape(classes=10, images_per_class=38)
        """
        if usable_classes < 2:
            raise ModelError(
                f"the training set has {usable_classes} classes of at least 2 rows but batches need 2: add "
                "rows or labels"
            )
        if usable_classes >= self.classes:
            return self
        return BatchShape(usable_classes, self.images // usable_classes)


class BatchPlan(Protocol):
    """The batches of one epoch, fixed by (inputs, seed, epoch)."""

    @property
    def steps(self) -> int:
        """Number of batches."""
        ...

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Batches `start_step` … `steps` − 1: the same ones whatever the start."""
        ...


def steps_for(images: int, batch_images: int) -> int:
    """Steps that show about `images` images: rounded, at least one."""
    check_count("train.images", images)
    return max(1, round(images / batch_images))
