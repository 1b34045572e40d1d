"""Batches in which certain rows do not meet: pairs that are never each other's negative."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .batch import Batch, BatchPlan

Listed: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Whether each row of the first, int64 (P,), is paired with that of the second."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The batches of another plan without the later row of each such pair, so that no rule and no loss sees both.

    Rows that share a class stay: they are positives. Batches with stored triplets stay as they are; mining has left
    such pairs out of those.
    """

    plan: BatchPlan
    listed: Listed

    @property
    def steps(self) -> int:
        """Number of batches."""
        return self.plan.steps

    def batches(self, start_step: int = 0) -> Iterator[Batch]:
        """See `BatchPlan`."""
        for batch in self.plan.batches(start_step):
            yield batch if batch.triplets is not None else self._without(batch)

    def _without(self, batch: Batch) -> Batch:
        earlier, later = np.triu_indices(len(batch), k=1)
        met = self.listed(batch.rows[earlier], batch.rows[later])
        if not met.any():
            return batch
        kept = np.ones(len(batch), np.bool_)
        for one, other in zip(earlier[met].tolist(), later[met].tolist(), strict=True):
            if kept[one] and kept[other] and not _share(batch, one, other):
                kept[other] = False
        members = None if batch.members is None else batch.members[kept]
        return replace(batch, rows=batch.rows[kept], classes=batch.classes[kept], members=members)


def _share(batch: Batch, one: int, other: int) -> bool:
    if batch.members is None:
        return bool(batch.classes[one] == batch.classes[other])
    return bool((batch.members[one] & batch.members[other]).any())
