"""Batches of exactly the stored triplets, packed so that triplets share images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from ..errors import ModelError
from ..row_classes import RowClasses
from ..seeds import numpy_generator
from .batch import Batch, steps_for
from .inputs import check_triplets

Part = Callable[[], Mapping[str, NDArray]]
"""Reads one part of the stored triplets: columns anchor, positive, negative, int64 (T,)."""

RUN_LENGTH = 16
"""Triplets of the same two classes that stay together: long enough to share positives and negatives, short enough for a
batch to hold many different pairs of classes."""

WINDOW = 16
"""Triplets considered for a batch, per image of the batch; a batch never holds more."""


class StoredTriplets:
    """Batches of at most `batch_images` different images, with all the stored triplets packed into them.

    Each part is read, shuffled in runs and cut into batches separately, so that memory is bounded by the largest part.
    If all are used before the epoch has shown its images, a new pass begins.

    classes: of the training rows, int32 (N,) codes or sets. parts: in the order of the mine stage.
    """

    def __init__(
        self,
        classes: NDArray[np.int32] | RowClasses,
        parts: Sequence[Part],
        *,
        batch_images: int,
        images: int,
        seed: int,
        epoch: int,
    ) -> None:
        check_count("batch_images", batch_images, at_least=3)
        self._classes = RowClasses.of(classes)
        self._parts = parts
        self._batch_images = batch_images
        self._seed = (seed, epoch)
        self.steps = steps_for(images, batch_images)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`. Raises: ModelError when the parts hold no triplet at all."""
        return islice(self._endless(), min(start_step, self.steps), self.steps)

    def _endless(self) -> Iterator[Batch]:
        turn = 0
        while True:
            generator = numpy_generator(*self._seed, turn)
            empty = True
            for position in generator.permutation(len(self._parts)):
                triplets = np.stack(check_triplets(self._parts[position](), len(self._classes)), axis=1)
                if len(triplets) == 0:
                    continue
                empty = False
                anchors, negatives = triplets[:, 0], triplets[:, 2]
                # The first class, if a row has several: the order only decides which triplets share images.
                first = self._classes.first
                order = shuffled_in_runs(first[anchors], first[negatives], anchors, generator)
                yield from self._cut(triplets, order)
            if empty:
                raise ModelError(
                    "there are no stored triplets to train on: mine with a lower k_hardness or a larger "
                    "margin, or use class_balanced batches"
                )
            turn += 1

    def _cut(self, triplets: NDArray[np.int64], order: NDArray[np.int64]) -> Iterator[Batch]:
        start = 0
        while start < len(order):
            window = triplets[order[start : start + WINDOW * self._batch_images]]
            used = fitting(window, self._batch_images)
            rows, places = np.unique(window[:used], return_inverse=True)
            yield Batch.of(self._classes, rows, places.reshape(-1, 3).astype(np.int64, copy=False))
            start += used


def shuffled_in_runs(
    anchor_classes: NDArray[np.int32],
    negative_classes: NDArray[np.int32],
    anchors: NDArray[np.int64],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """int64 (T,), a random order of triplets in short runs of the same anchor class and negative class.

    Within a run, triplets of one anchor are adjacent, since they share the anchor's image.
    """
    mixed = generator.permutation(int(anchors.max()) + 1)[anchors]  # anchors of a class in random order
    order = np.lexsort((mixed, negative_classes, anchor_classes))
    first, second = anchor_classes[order], negative_classes[order]
    changed = np.concatenate([[True], (first[1:] != first[:-1]) | (second[1:] != second[:-1])])
    place = np.arange(len(order))
    within = place - np.maximum.accumulate(np.where(changed, place, 0))
    run = np.cumsum(within % RUN_LENGTH == 0) - 1
    return order[np.argsort(generator.permutation(run[-1] + 1)[run], kind="stable")]


def fitting(tuples: NDArray[np.int64], images: int) -> int:
    """The number of triplets (T, 3), or pairs (T, 2), from the first on, that together need at most `images` images."""
    _, first = np.unique(tuples, return_index=True)
    new = np.bincount(first // tuples.shape[1], minlength=len(tuples))
    return int(np.searchsorted(np.cumsum(new), images, side="right"))
