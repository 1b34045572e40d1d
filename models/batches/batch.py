"""Batches, and the interface of plans that compose those of an epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from ..row_classes import RowClasses


@dataclass(frozen=True, slots=True, eq=False)
class BatchPairs:
    """Ranked pairs of a batch of B rows.

    pairs: int64 (P, 2), positions in the batch; the first is better than the second, or both are alike.
    alike: bool (P,), which pairs are alike. values: float32 (B,), known values of the rows, NaN if unknown.
    """

    pairs: NDArray[np.int64]
    alike: NDArray[np.bool_]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of one training step.

    rows: int64 (B,), rows of the training set, all different. classes: int32 (B,), their class codes; the first, if a
    row has several.
    triplets: int64 (T, 3), positions in the batch of anchor, positive and negative; None if the batch rule is to find
    triplets.
    members: bool (B, M), which of the M classes in the batch each row has; None if every row has one class.
    codes: int64 (M,), the class of each column of `members`.
    ranked: ranked pairs; None in runs without.
    """

    rows: NDArray[np.int64]
    classes: NDArray[np.int32]
    triplets: NDArray[np.int64] | None = None
    members: NDArray[np.bool_] | None = None
    codes: NDArray[np.int64] | None = None
    ranked: BatchPairs | None = None

    @staticmethod
    def of(
        classes: RowClasses, rows: NDArray[np.int64], triplets: NDArray[np.int64] | None = None
    ) -> "Batch":
        """The batch of `rows`, int64 (B,), with their classes. classes: of the training set."""
        taken = classes.take(rows)
        if taken.single:
            return Batch(rows, taken.first, triplets)
        return Batch(rows, taken.first, triplets, *taken.table())

    def __len__(self) -> int:
        return len(self.rows)


class BatchPlan(Protocol):
    """Composes the batches of one epoch, which depend only on (inputs, seed, epoch)."""

    @property
    def steps(self) -> int:
        """Number of batches."""
        ...

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """Batches `start_step` … `steps` − 1; a batch does not depend on the start."""
        ...


def steps_for(images: int, batch_images: int) -> int:
    """The number of steps that show about `images` images, rounded, at least one."""
    check_count("images", images)
    return max(1, round(images / batch_images))
