"""Batches of ranked pairs, packed so that pairs share images."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from ..errors import ModelError
from ..seeds import numpy_generator
from .batch import Batch, BatchPairs, steps_for
from .stored_triplets import WINDOW, fitting


class RankedBatches:
    """Batches of at most `batch_images` different rows, with the pairs packed into them.

    Pairs are taken in random order. If all are used before the epoch has shown its images, a new pass begins.

    pairs: int64 (P, 2), rows of the training set; the first is better, or both are alike. alike: bool (P,).
    values: float32 (N,), known values of all rows, NaN if unknown. classes: int32 (N,), the item of each row.
    """

    def __init__(
        self,
        pairs: NDArray[np.int64],
        alike: NDArray[np.bool_],
        *,
        values: NDArray[np.float32],
        classes: NDArray[np.int32],
        batch_images: int,
        images: int,
        seed: int,
        epoch: int,
    ) -> None:
        check_count("batch_images", batch_images, at_least=2)
        if not len(pairs):
            raise ModelError("there are no pairs to train on: give some")
        self._pairs, self._alike = pairs, alike
        self._values, self._classes = values, classes
        self._batch_images = batch_images
        self._seed = (seed, epoch)
        self.steps = steps_for(images, batch_images)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`."""
        return islice(self._endless(), min(start_step, self.steps), self.steps)

    def _endless(self) -> Iterator[Batch]:
        generator = numpy_generator(*self._seed)
        order = generator.permutation(len(self._pairs))
        while True:
            if len(order) < self._batch_images:  # too few pairs to be sure to fill a batch
                order = np.concatenate([order, generator.permutation(len(self._pairs))])
            window = order[: WINDOW * self._batch_images]
            used = fitting(self._pairs[window], self._batch_images)
            yield self._batch(window[:used])
            order = order[used:]

    def _batch(self, taken: NDArray[np.int64]) -> Batch:
        taken = np.unique(taken)  # a batch across two passes may hold a pair twice
        rows, places = np.unique(self._pairs[taken], return_inverse=True)
        pairs = places.reshape(-1, 2).astype(np.int64, copy=False)
        ranked = BatchPairs(pairs, self._alike[taken], self._values[rows])
        return Batch(rows, self._classes[rows], ranked=ranked)
