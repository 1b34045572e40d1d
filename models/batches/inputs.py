"""Checks of the mined tables that batches are composed from."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

TRIPLET_COLUMNS = ("anchor", "positive", "negative")
CONFUSION_COLUMNS = ("class_a", "class_b", "count")


def check_triplets(
    columns: Mapping[str, NDArray], rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The three columns as int64 (T,), with names, lengths and range checked."""
    missing = [name for name in TRIPLET_COLUMNS if name not in columns]
    if missing:
        raise ModelError(
            f"stored triplets have no column {missing[0]!r} (they have {sorted(columns)}): mine again"
        )
    found = tuple(np.asarray(columns[name]).astype(np.int64, copy=False) for name in TRIPLET_COLUMNS)
    lengths = {name: len(column) for name, column in zip(TRIPLET_COLUMNS, found, strict=True)}
    if len(set(lengths.values())) > 1:
        raise ModelError(
            f"stored triplets have columns of different lengths {lengths}: the file is damaged, mine again"
        )
    for name, column in zip(TRIPLET_COLUMNS, found, strict=True):
        if len(column) and (column.min() < 0 or column.max() >= rows):
            raise ModelError(
                f"stored triplets have {name} ids from {column.min()} to {column.max()} but the training "
                f"set has rows 0 to {rows - 1}: they were mined on another data set, mine again"
            )
    return found[0], found[1], found[2]


def check_confusion(
    columns: Mapping[str, NDArray], class_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """class_a, class_b and count as int64 (E,), with names and range checked."""
    missing = [name for name in CONFUSION_COLUMNS if name not in columns]
    if missing:
        raise ModelError(
            f"the confusion table has no column {missing[0]!r} (it has {sorted(columns)}): mine again"
        )
    found = tuple(np.asarray(columns[name]).astype(np.int64, copy=False) for name in CONFUSION_COLUMNS)
    for name, column in zip(CONFUSION_COLUMNS[:2], found[:2], strict=True):
        if len(column) and (column.min() < 0 or column.max() >= class_count):
            raise ModelError(
                f"the confusion table has {name} from {column.min()} to {column.max()} but the classes are "
                f"0 to {class_count - 1}: it was mined on another data set, mine again"
            )
    return found[0], found[1], found[2]
