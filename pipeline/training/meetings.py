"""The mined triplets of an epoch by anchor, for counting which of them meet in a batch."""

from pathlib import Path

import numpy as np

from ...models.batches.meetings import Meetings, MinedSet
from ..artifacts.triplets import part_names
from ..plan.stage import Job
from ..storage.committed import Committed
from .batches import training_triplets, triplets_per_anchor

_PARTNERS = "partners.npy"


def meetings_of(job: Job) -> Meetings | None:
    """The counter of meetings for the mined triplets of this epoch; None if it has none.

    Raises: as `training_triplets`.
    """
    if job.facts.ranking or not any(ref.stage == "mine" for ref in job.parent_digests):
        return None
    return Meetings(mined_set(job.parent("mine"), job.facts.train, job.scratch))


def mined_set(mine: Committed, rows: int, folder: Path) -> MinedSet:
    """The triplets of all parts, grouped by anchor. They are memory-mapped from a file in `folder`, so the memory
    needed is that of the largest part.

    rows: number of rows of the training split. Raises: as `training_triplets`.
    """
    counts = triplets_per_anchor(mine, rows)
    starts = np.concatenate([[0], np.cumsum(counts)])
    dtype = np.int32 if rows <= np.iinfo(np.int32).max else np.int64
    shape = (int(starts[-1]), 2)
    if not shape[0]:
        return MinedSet(starts, np.empty(shape, dtype))
    partners = np.lib.format.open_memmap(folder / _PARTNERS, mode="w+", dtype=dtype, shape=shape)
    free = starts[:-1].copy()
    for name in part_names(mine):
        columns = training_triplets(mine, name, rows)
        order = np.argsort(columns["anchor"], kind="stable")
        anchors, sizes = np.unique(columns["anchor"], return_counts=True)
        place = np.repeat(free[anchors] - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(order))
        for side, column in enumerate(("positive", "negative")):
            partners[place, side] = columns[column][order]
        free[anchors] += sizes
    return MinedSet(starts, partners)
