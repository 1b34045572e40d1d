"""The batches and the batch rule of an epoch, from the run file and the mine stage."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...models.batches.apart import Apart
from ...models.batches.batch import BatchPlan
from ...models.batches.class_balanced import ClassBalanced
from ...models.batches.inputs import TRIPLET_COLUMNS
from ...models.batches.neighbourhood import Neighbourhood
from ...models.batches.ranked import RankedBatches
from ...models.batches.settings import BalancedSettings, NeighbourhoodSettings
from ...models.batches.stored_triplets import StoredTriplets
from ...models.row_classes import RowClasses
from ...models.rules.in_batch import BatchRule, NoTriplets, SemiHard
from ..artifacts.ranking import mined_pairs
from ..artifacts.triplets import part_names, read_confusion, triplet_columns
from ..data.base import SPLITS
from ..data.review.apply import Reviewed
from ..errors import CorruptError, DataError
from ..plan.refs import StageRef
from ..plan.stage import Job
from ..resolve.batches import batch_rule, batch_shape, images_per_epoch, resolve_batches
from ..storage.committed import Committed
from ..workers.opened import labels_of, ranked_of, reviewed_of


@dataclass(frozen=True, slots=True)
class TrainingInputs:
    """batches: those of this epoch. rule: selects the triplets of a batch to train on."""

    batches: BatchPlan
    rule: BatchRule


def training_inputs(job: Job) -> TrainingInputs:
    """Batches and rule of the epoch: class-balanced if nothing was mined (as in warm-up), else as train.batches
    says."""
    spec = job.spec
    mine = job.parent("mine") if any(ref.stage == "mine" for ref in job.parent_digests) else None
    if job.facts.ranking:
        return TrainingInputs(_of_pairs(job, mine), NoTriplets())
    if mine is None:
        # Without mining, the labels of the data set are used: a review only counts from mining on.
        labels = labels_of(job.root, job.facts.data_digest)
        classes = RowClasses(labels.members, labels.offsets)
        return TrainingInputs(_class_balanced(job, classes), SemiHard(spec.margin))
    reviewed = reviewed_of(job)
    classes = _reviewed_classes(reviewed)
    rule = batch_rule(spec, float(mine.manifest.report["k_hardness"]))
    kind = resolve_batches(spec, job.facts).name
    if kind == "triplets":
        return TrainingInputs(_apart(_stored(job, mine, classes), reviewed), rule)
    # Without mined triplets no classes are confused, so neighbourhood batches have nothing to start from.
    walked = kind == "neighbourhood" and int(mine.manifest.report["counts"]["triplets"]) > 0
    batches = _neighbourhood(job, mine, classes) if walked else _class_balanced(job, classes)
    return TrainingInputs(_apart(batches, reviewed), rule)


def _of_pairs(job: Job, mine: Committed | None) -> RankedBatches:
    """Batches of the mined pairs; of all pairs if the epoch does not mine, or mined none."""
    spec, rows = job.spec, job.facts.train
    items = ranked_of(job, SPLITS[0])
    pairs, alike = items.row_pairs() if mine is None else mined_pairs(mine, rows)
    if not len(pairs):
        pairs, alike = items.row_pairs()
    return RankedBatches(
        pairs,
        alike,
        values=items.row_values(rows),
        classes=labels_of(job.root, job.facts.data_digest).members,
        batch_images=batch_shape(spec).images,
        images=images_per_epoch(spec, rows),
        seed=spec.run.seed,
        epoch=job.ref.epoch or 0,
    )


def _reviewed_classes(reviewed: Reviewed) -> RowClasses:
    """Classes of the reviewed rows. Each excluded row gets a class of its own, because batches skip single-row
    classes."""
    labels, excluded = reviewed.labels, reviewed.excluded
    classes = RowClasses(labels.members, labels.offsets)
    return classes if excluded is None else classes.alone(excluded, first_code=labels.classes)


def _apart(batches: BatchPlan, reviewed: Reviewed) -> BatchPlan:
    return batches if reviewed.never_negatives is None else Apart(batches, reviewed.never_negatives.has)


def _class_balanced(job: Job, classes: RowClasses) -> ClassBalanced:
    images = images_per_epoch(job.spec, len(classes))
    settings = job.spec.train.build(BalancedSettings, shape=batch_shape(job.spec))
    return ClassBalanced(
        classes,
        shape=settings.shape,
        random_images=settings.random_images,
        images=images,
        seed=job.spec.run.seed,
        epoch=job.ref.epoch or 0,
    )


def _neighbourhood(job: Job, mine: Committed, classes: RowClasses) -> Neighbourhood:
    return Neighbourhood(
        classes,
        triplets_per_anchor(mine, len(classes)),
        read_confusion(mine),
        settings=job.spec.train.build(NeighbourhoodSettings, shape=batch_shape(job.spec)),
        images=images_per_epoch(job.spec, len(classes)),
        seed=job.spec.run.seed,
        epoch=job.ref.epoch or 0,
    )


def _stored(job: Job, mine: Committed, classes: RowClasses) -> StoredTriplets:
    batch_images = batch_shape(job.spec).images
    check_enough(mine, batch_images, epoch=job.ref.epoch or 0)
    return StoredTriplets(
        classes,
        [partial(training_triplets, mine, name, len(classes)) for name in part_names(mine)],
        batch_images=batch_images,
        images=images_per_epoch(job.spec, len(classes)),
        seed=job.spec.run.seed,
        epoch=job.ref.epoch or 0,
    )


def triplets_per_anchor(mine: Committed, rows: int) -> NDArray[np.int64]:
    """int64 (rows,): the number of triplets with each row as anchor. One part is in memory at a time.

    Raises: as `training_triplets`, which checks every id.
    """
    counts = np.zeros(rows, np.int64)
    for name in part_names(mine):
        counts += np.bincount(training_triplets(mine, name, rows)["anchor"], minlength=rows)
    return counts


def training_triplets(mine: Committed, name: str, rows: int) -> dict[str, NDArray[np.int64]]:
    """Columns anchor, positive and negative, int64 (T,), of one part. rows: number of rows of the training split.

    Raises: CorruptError naming file and row, for ids that are not rows of the training split.
    """
    columns = triplet_columns(mine, name, TRIPLET_COLUMNS)
    for column, ids in columns.items():
        if ids.dtype.kind not in "iu":
            raise CorruptError(
                f"{mine.folder / name}: {column} is {ids.dtype} but must be whole numbers: {mine.remedy}"
            )
        wrong = np.flatnonzero((ids < 0) | (ids >= rows))
        if len(wrong):
            raise CorruptError(
                f"{mine.folder / name}, row {wrong[0]}: {column} is {ids[wrong[0]]} but the training set has rows 0 "
                f"to {rows - 1} (as are {len(wrong) - 1} more): these triplets are of another data set; {mine.remedy}"
            )
    return columns


def check_enough(mine: Committed, batch_images: int, *, epoch: int) -> None:
    """Raises: DataError if the stored triplets, at three images each, cannot fill a batch."""
    triplets = int(mine.manifest.report["counts"]["triplets"])
    if 3 * triplets < batch_images:
        end = f"end the run with what it has learned by run.epochs = {epoch}, or " if epoch else ""
        raise DataError(
            f"{mine.folder} has {triplets} triplets, which show at most {3 * triplets} images, but a batch has "
            f'{batch_images}: {end}set train.batches = "neighbourhood" and train again with '
            f"{StageRef(0, 'train').redo}"
        )
