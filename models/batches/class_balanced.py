"""Class-balanced batches of P classes × M images, for warm-up epochs and as the baseline."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..row_classes import RowClasses
from ..seeds import numpy_generator
from .batch import Batch, steps_for
from .decks import Decks
from .settings import BatchShape


class ClassBalanced:
    """Random classes, with the same number of random images of each.

    Classes, and the rows of a class, are dealt from decks, so that all classes, and all rows of a class, occur equally
    often. A class with fewer than M rows gives all its rows, and further classes fill the batch. Classes with one row
    have no positive and are left out; `skipped_classes` counts them. A row with several classes can be dealt for each,
    but only once per batch; for the other classes further rows are dealt instead.

    random_images are added after those of the classes, as in FaceNet's batches (Schroff et al., CVPR 2015, section 3.2:
    some 40 faces of each identity, and random ones as further negatives). They are rows of any class with at least two
    rows, each dealt about equally often, without those already in the batch.

    classes: of the training rows, int32 (N,) codes or sets. images: approximate number of images per epoch.
    """

    def __init__(
        self,
        classes: NDArray[np.int32] | RowClasses,
        *,
        shape: BatchShape,
        random_images: int = 0,
        images: int,
        seed: int,
        epoch: int,
    ) -> None:
        self._classes = RowClasses.of(classes)
        counts = self._classes.counts()
        self._usable = np.flatnonzero(counts >= 2)
        self.skipped_classes = int((counts == 1).sum())
        self.shape = shape.fitted(len(self._usable))
        self._random = random_images
        self.steps = steps_for(images, self.shape.images + random_images)
        self._seed = (seed, epoch)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`. Earlier batches are composed, which reads no images, and skipped."""
        generator = numpy_generator(*self._seed)
        row_decks = Decks(*self._classes.rows_by_class(), generator)
        class_deck = Decks.single(self._usable, generator)
        any_deck = Decks.single(np.unique(row_decks.items(self._usable)), generator)
        for step in range(self.steps):
            marked = self._random or not self._classes.single
            taken = np.zeros(len(self._classes), np.bool_) if marked else None
            chosen = compose(class_deck, row_decks, self.shape, available=len(self._usable), taken=taken)
            if self._random:
                chosen = np.concatenate([chosen, any_deck.deal(0, self._random, taken)])
            if step >= start_step:
                yield Batch.of(self._classes, chosen)


def compose(
    class_deck: Decks,
    row_decks: Decks,
    shape: BatchShape,
    *,
    available: int,
    taken: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """The rows of one batch: shape.images, or fewer if all classes together have fewer.

    taken: bool (N,), all False; needed if rows may be in several decks. Rows of the batch are marked in it.
    """
    dealt = class_deck.deal(0, shape.classes_per_batch)
    parts = [row_decks.deal(int(code), shape.images_per_class, taken) for code in dealt]
    missing = shape.images - sum(map(len, parts))
    used = set(dealt.tolist())
    while missing > 0 and len(used) < available:
        code = int(class_deck.deal(0, 1)[0])
        if code not in used:
            used.add(code)
            parts.append(row_decks.deal(code, min(shape.images_per_class, missing), taken))
            missing -= len(parts[-1])
    return np.concatenate(parts)
