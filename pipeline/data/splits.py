"""Which rows are for training, for validation and for the test."""

from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import DataError
from .base import SPLITS, SourceRows, split_codes

TRAIN, VALIDATION, TEST = range(len(SPLITS))

_LEAST_CLASSES = 2
"""Of a split with classes of its own. With one, every neighbour is right, whatever the encoder does."""


def assign_splits(
    rows: SourceRows, *, split: Literal["closed", "zero-shot"], validation: float, test: float, seed: int
) -> NDArray[np.int8]:
    """Codes (positions in `SPLITS`), int8 (N,), of all rows. Depends on nothing but the arguments.

    A data set that comes with splits keeps them; only validation is taken from its training rows where it
    has none. Otherwise first `test` is taken from all rows, then `validation` from the rest: shares of the
    rows of each class ("closed"), or shares of the classes ("zero-shot"). A row with several labels counts
    for its first.

    Raises: DataError where a split would be empty or teach nothing.
    """
    if split == "zero-shot" and rows.multi_label:
        raise DataError(
            'data.split is "zero-shot" but rows have several labels: they cannot be kept apart, use "closed"'
        )
    classes = class_codes(rows.labels)
    random = np.random.default_rng([seed, *b"splits"])
    take = _take_rows if split == "closed" else _take_classes
    if rows.splits is None:
        codes = np.full(len(rows), TRAIN, dtype=np.int8)
        if test > 0:
            codes[take(classes, np.arange(len(rows)), test, random, name="test")] = TEST
    else:
        codes = split_codes(rows.splits).copy()
    if not (codes == VALIDATION).any():
        training = np.flatnonzero(codes == TRAIN)
        codes[take(classes, training, validation, random, name="validation")] = VALIDATION
    _check(rows.labels, classes, codes, zero_shot=split == "zero-shot")
    return codes


def class_codes(labels: pa.Array) -> NDArray[np.int64]:
    """A number for each row's class, int64 (N,), in order of appearance; of several labels the first."""
    first = labels.values.take(labels.offsets[:-1]) if pa.types.is_list(labels.type) else labels
    return first.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _take_rows(
    classes: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    random: np.random.Generator,
    *,
    name: str,
) -> NDArray[np.int64]:
    """A share of `rows`, spread evenly over their classes; a class with one row keeps it.

    Systematic sampling along the rows in order of class, shuffled within: every class gives its share rounded
    up or down, and small classes together give the right number, where rounding each alone might give none.
    """
    rows = random.permutation(rows)
    sizes = np.bincount(classes[rows])
    rows = rows[sizes[classes[rows]] > 1]
    rows = rows[np.argsort(random.permutation(len(sizes))[classes[rows]], kind="stable")]
    steps = np.floor(np.arange(len(rows) + 1) * share + random.random())
    taken = rows[np.diff(steps) > 0]
    if not len(taken):
        raise DataError(
            f"data.{name} is {share} but {len(rows)} rows of classes with more than one row give none: "
            "raise it, or add rows"
        )
    return taken


def _take_classes(
    classes: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    random: np.random.Generator,
    *,
    name: str,
) -> NDArray[np.int64]:
    """All of `rows` of a share of their classes, at least two classes."""
    present = random.permutation(np.unique(classes[rows]))
    count = max(_LEAST_CLASSES, round(len(present) * share))
    if len(present) - count < _LEAST_CLASSES:
        raise DataError(
            f'data.split is "zero-shot" but {len(present)} classes do not suffice for {count} for {name} and '
            f'{_LEAST_CLASSES} for training: use "closed"'
        )
    return rows[np.isin(classes[rows], present[:count])]


def _check(labels: pa.Array, classes: NDArray[np.int64], codes: NDArray[np.int8], *, zero_shot: bool) -> None:
    train = classes[codes == TRAIN]
    if not len(train):
        raise DataError("the data set has no training rows: give some rows the split train")
    every = labels.filter(pa.array(codes == TRAIN))
    sizes = np.bincount(class_codes(every.flatten() if pa.types.is_list(every.type) else every))
    if len(sizes) < 2:
        raise DataError(
            f"the training split has one class in {len(train)} rows but a triplet needs a negative of "
            "another: give it at least 2 classes"
        )
    if sizes.max() < 2:
        raise DataError(
            f"each of the {len(sizes)} classes of the training split has one row but a triplet needs a "
            "positive: give it a class with at least 2 rows"
        )
    if zero_shot:
        for code in (VALIDATION, TEST):
            shared = np.intersect1d(train, classes[codes == code])
            if len(shared):
                label = labels[int(np.flatnonzero(classes == shared[0])[0])].as_py()
                raise DataError(
                    f'data.split is "zero-shot" but {len(shared)} classes, as {label!r}, are in the training '
                    f'and in the {SPLITS[code]} split of the data set: use "closed"'
                )
