"""P classes × M images: the batches of warm-up epochs, and the baseline."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..seeds import numpy_generator
from .batch import Batch, BatchShape, steps_for
from .decks import Decks, rows_by_class
from .inputs import check_classes


class ClassBalanced:
    """Random classes, and the same number of random images of each.

    Classes and the rows of a class are dealt from decks, so that all classes, and all rows of a class, come
    equally often. A class with fewer than M rows gives all it has, and further classes fill the batch.
    Classes with one row have no positive and are left out; `skipped_classes` counts them.

    classes: int32 (N,), the class of each training row. images: about how many images one epoch shows.
    """

    def __init__(
        self, classes: NDArray[np.int32], *, shape: BatchShape, images: int, seed: int, epoch: int
    ) -> None:
        self._classes = check_classes(classes)
        counts = np.bincount(self._classes)
        self._usable = np.flatnonzero(counts >= 2)
        self.skipped_classes = int((counts == 1).sum())
        self.shape = shape.fitted(len(self._usable))
        self.steps = steps_for(images, self.shape.images)
        self._seed = (seed, epoch)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`. Earlier batches are composed again, which takes no images, and skipped."""
        generator = numpy_generator(*self._seed)
        rows, starts = rows_by_class(self._classes)
        row_decks = Decks(rows, starts, generator)
        class_deck = Decks.single(self._usable, generator)
        for step in range(self.steps):
            chosen = compose(class_deck, row_decks, self.shape, available=len(self._usable))
            if step >= start_step:
                yield Batch(chosen, self._classes[chosen])


def compose(class_deck: Decks, row_decks: Decks, shape: BatchShape, *, available: int) -> NDArray[np.int64]:
    """The rows of one batch, at most shape.images; fewer only if all classes together have fewer."""
    dealt = class_deck.deal(0, shape.classes)
    parts = [row_decks.deal(int(code), shape.images_per_class) for code in dealt]
    missing = shape.images - sum(map(len, parts))
    used = set(dealt.tolist())
    while missing > 0 and len(used) < available:
        code = int(class_deck.deal(0, 1)[0])
        if code not in used:
            used.add(code)
            parts.append(row_decks.deal(code, min(shape.images_per_class, missing)))
            missing -= len(parts[-1])
    return np.concatenate(parts)
