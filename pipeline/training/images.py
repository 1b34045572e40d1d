"""Read and augment the images of training batches, in this process or in loader processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...models.batches.batch import Batch, BatchPlan
from ...models.images.augment_hook import augment_hook
from ...models.images.loader import BatchRequest, loaded
from ...models.images.settings import AugmentSettings
from ...models.images.transforms import TrainTransform
from ...models.train.processes import Processes
from ..data.base import DataSet
from ..plan.stage import Job
from ..resolve.encoder import scaling_of
from ..runfile.run_spec import RunSpec
from ..workers.opened import data_of, rows_of

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Images:
    """Reads and augments rows of the training split. Pickles only its job: loader processes open the data
    themselves."""

    job: Job

    def __call__(self, step: int, rows: NDArray[np.int64], share: slice) -> "Tensor":
        """Images of a share of the batch's rows, ready for the encoder. step: step within the epoch."""
        images = self._data.read(self._sources[rows[share]])
        return self._transform(images, step, first=share.start, batch=len(rows))

    def __reduce__(self) -> tuple[type["Images"], tuple[Job]]:
        return Images, (self.job,)

    @cached_property
    def _data(self) -> DataSet:
        return data_of(self.job.root, self.job.spec, self.job.facts.data_digest)

    @cached_property
    def _sources(self) -> NDArray[np.int64]:
        rows = rows_of(self.job.root, self.job.facts.data_digest)
        return rows.sources(rows.range("train"))

    @cached_property
    def _transform(self) -> TrainTransform:
        return train_transform(self.job.spec, seed=self.job.seed())


def train_transform(spec: RunSpec, *, seed: int) -> TrainTransform:
    """The transform from the images of a training batch to a tensor. seed: seed of the epoch.

    Raises: ModelError for a data.augment.factory that fails.
    """
    augment = spec.data.augment
    hook = None
    if augment.factory is not None:
        hook = augment_hook(augment.factory, augment.arguments, base=Path(spec.base))
    return TrainTransform(scaling_of(spec), augment.build(AugmentSettings), seed=seed, hook=hook)


def batches_with_images(
    job: Job, plan: BatchPlan, start: int, processes: Processes
) -> Iterator[tuple[Batch, "Tensor"]]:
    """The batches of an epoch from step `start` on, each with this process's share of its images."""
    asked = (
        BatchRequest(step, batch, processes.share(len(batch)))
        for step, batch in enumerate(plan.batches(start), start=start)
    )
    return loaded(Images(job), asked, workers=job.spec.train.loader_workers)
