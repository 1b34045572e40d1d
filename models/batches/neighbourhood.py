"""Batches of classes that are confused with one another.

Triplets mined at the start of an epoch become outdated during it. So the mined set only decides which images are
*together* in a batch, and the batch rule then finds triplets by current distances: one forward pass yields hundreds of
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
    """Batches composed by a seeded random walk on the class-confusion table; mined rows of a class come first.

    A class is visited in proportion to its number of anchors with mined triplets, so that each of these is visited
    about equally often. Memory holds only counts per row and per class pair, whatever the number of triplets.

    A row with several classes counts in each, and occurs once in a batch: see `ClassBalanced`.

    classes: of the training rows, int32 (N,) codes or sets.
    anchor_triplets: int64 (N,), the number of mined triplets with each row as anchor.
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
        """See `BatchPlan`. Earlier batches are composed, which reads no images, and skipped."""
        generator = numpy_generator(*self._seed)
        walk = ClassWalk(self._graph, self._usable, self._class_visits(), generator)
        decks = MinedFirst(self._classes, self._mined, generator)
        for step in range(self.steps):
            walk.begin((step + 1) / self.steps)
            rows = self._compose(walk, decks)
            if step >= start_step:
                yield Batch.of(self._classes, rows)

    def _compose(self, walk: ClassWalk, decks: MinedFirst) -> NDArray[np.int64]:
        """The rows of one batch; classes with few rows give all of them, and further classes fill the batch."""
        parts: list[NDArray[np.int64]] = []
        missing = self.shape.images
        taken = None if self._classes.single else np.zeros(len(self._classes), np.bool_)
        while missing > 0 and len(parts) < len(self._usable):
            code = walk.walked() if len(parts) < self.shape.classes_per_batch - self._drawn else walk.drawn()
            parts.append(decks.deal(code, min(self.shape.images_per_class, missing), taken))
            missing -= len(parts[-1])
        return np.concatenate(parts)

    def _class_visits(self) -> NDArray[np.float64]:
        """float64 (C,): visits per class such that each anchor with mined triplets is visited equally often.

        A visit shows M rows, mined ones first, so that a class with more than M mined anchors needs more visits. A
        class without any has nothing to learn from the mined set, and is visited half as often as one with up to M.
        """
        anchors = self._classes.counts(self._mined)
        share = np.where(anchors > 0, np.maximum(anchors / self.shape.images_per_class, 1.0), 0.5)
        usable = np.zeros(len(share), bool)
        usable[self._usable] = True
        share = np.where(usable, share, 0.0)
        wanted = share * (self.steps * self.shape.classes_per_batch / share.sum())
        return np.minimum(wanted, self.steps)  # a class is at most once in a batch
