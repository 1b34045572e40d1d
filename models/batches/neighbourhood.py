"""Batches of classes that are confused with one another.

Triplets stored at the start of an epoch go stale within it. So the mined set decides which images *meet* in a
batch, and the batch rule then finds the triplets on fresh distances: one forward pass serves hundreds of
them.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..row_classes import RowClasses
from ..seeds import numpy_generator
from .batch import Batch, steps_for
from .confusion_graph import confusion_graph
from .inputs import check_confusion
from .mined_first import MinedFirst
from .settings import NeighbourhoodSettings
from .walk import ClassWalk


class Neighbourhood:
    """A seeded walk on the class-confusion table composes each batch; mined rows of a class come first.

    Visits of a class follow the number of its anchors with mined triplets, so that each of those is visited
    about equally often (`anchor_visits` of a finished plan can be counted from its batches). Only per-row
    counts and the class pairs are held, whatever the number of triplets.

    A row with several classes counts in each of them, and comes once in a batch: see `ClassBalanced`.

    classes: of the training rows, as int32 (N,) codes where each row has one.
    anchor_triplets: int64 (N,), mined triplets with that row as their anchor.
    confusion: columns class_a, class_b (int32) and count (int64), (E,).
    """

    def __init__(
        self,
        classes: NDArray[np.int32] | RowClasses,
        anchor_triplets: NDArray[np.int64],
        confusion: Mapping[str, NDArray],
        *,
        settings: NeighbourhoodSettings,
        images: int,
        seed: int,
        epoch: int,
    ) -> None:
        self._classes = RowClasses.of(classes)
        if anchor_triplets.shape != (len(self._classes),):
            raise ModelError(
                f"anchor_triplets has shape {anchor_triplets.shape} but the training set has {len(classes)} "
                "rows: they were mined on another data set, mine again"
            )
        counts = self._classes.counts()
        self._graph = confusion_graph(*check_confusion(confusion, len(counts)), len(counts))
        self._mined = anchor_triplets > 0
        if not self._mined.any():
            raise ModelError(
                "no row has a mined triplet: mine with a lower k_hardness or a larger margin, or use "
                "class_balanced batches"
            )
        self._usable = np.flatnonzero(counts >= 2)
        self.skipped_classes = int((counts == 1).sum())
        self.shape = settings.shape.fitted(len(self._usable))
        self._drawn = round(settings.random_share * self.shape.classes_per_batch)
        self.steps = steps_for(images, self.shape.images)
        self._seed = (seed, epoch)

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`. Earlier batches are composed again, which takes no images, and skipped."""
        generator = numpy_generator(*self._seed)
        walk = ClassWalk(self._graph, self._usable, self._class_visits(), generator)
        decks = MinedFirst(self._classes, self._mined, generator)
        for step in range(self.steps):
            walk.begin((step + 1) / self.steps)
            rows = self._compose(walk, decks)
            if step >= start_step:
                yield Batch.of(self._classes, rows)

    def _compose(self, walk: ClassWalk, decks: MinedFirst) -> NDArray[np.int64]:
        """The rows of one batch; classes with few rows give what they have, and further classes fill it."""
        parts: list[NDArray[np.int64]] = []
        missing = self.shape.images
        taken = None if self._classes.single else np.zeros(len(self._classes), np.bool_)
        while missing > 0 and len(parts) < len(self._usable):
            code = walk.walked() if len(parts) < self.shape.classes_per_batch - self._drawn else walk.drawn()
            parts.append(decks.deal(code, min(self.shape.images_per_class, missing), taken))
            missing -= len(parts[-1])
        return np.concatenate(parts)

    def _class_visits(self) -> NDArray[np.float64]:
        """How often each class should be taken, so that each anchor with mined triplets comes equally often.

        A visit shows M rows, mined ones first: a class with more mined anchors than that needs more visits. A
        class without any has nothing left to learn from the mined set and is taken half as often as a small one.
        """
        anchors = self._classes.counts(self._mined)
        share = np.where(anchors > 0, np.maximum(anchors / self.shape.images_per_class, 1.0), 0.5)
        usable = np.zeros(len(share), bool)
        usable[self._usable] = True
        share = np.where(usable, share, 0.0)
        wanted = share * (self.steps * self.shape.classes_per_batch / share.sum())
        return np.minimum(wanted, self.steps)  # a class is at most once in a batch
