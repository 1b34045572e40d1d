"""Mined triplets as training reads them: part by part, and only ids that are rows of this training set."""

import numpy as np
from numpy.typing import NDArray

from ..models.batches.inputs import TRIPLET_COLUMNS
from .artifacts.triplets import triplet_columns
from .errors import CorruptError, DataError
from .storage.committed import Committed


def training_triplets(mine: Committed, name: str, rows: int) -> dict[str, NDArray[np.int64]]:
    """Columns anchor, positive and negative, int64 (T,), of one part. rows: of the training split.

    Errors: CorruptError naming the file and the row, for ids that are no rows of the training split.
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


def check_enough(mine: Committed, batch_images: int) -> None:
    """See that the stored triplets can fill a batch, each with three images of its own.

    Errors: DataError.
    """
    triplets = int(mine.manifest.report["counts"]["triplets"])
    if 3 * triplets < batch_images:
        raise DataError(
            f"{mine.folder} has {triplets} triplets, which show at most {3 * triplets} images, but a batch has "
            f'{batch_images}: raise mine.margin, lower train.images_per_class, or use train.batches = "neighbourhood"'
        )
