"""Batches without pairs of rows that must not become each other's negatives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .batch import Batch, BatchPlan

Listed: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""Called with two arrays of rows, int64 (P,): whether each pair of rows must not become negatives."""


@dataclass(frozen=True, slots=True)
class Apart:
    """The batches of another plan, without the later row of each listed pair, so that no rule or loss sees both.

    Rows that share a class stay: they are positives. Batches with stored triplets are unchanged, since mining has left
    out such pairs.
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
