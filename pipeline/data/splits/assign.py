"""Assign rows to the training, validation and test split."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import DataError
from ..base import SPLITS, SourceRows, first_labels, split_codes
from .drawn import LEAST_CLASSES, draw_classes, draw_rows
from .hashed import hash_classes, hash_rows, numbers_of

TRAIN, VALIDATION, TEST = range(len(SPLITS))

_BLOCK_ROWS = 1 << 16

Splitting = Literal["hashed", "drawn"]
"""How held-out rows or classes are chosen: by a hash of their names, or by a random draw as in version 0.1."""


def assign_splits(
    rows: SourceRows,
    *,
    split: Literal["closed", "zero-shot"],
    validation: float,
    test: float,
    seed: int,
    splitting: Splitting = "hashed",
) -> NDArray[np.int8]:
    """The split of each row as a position in `SPLITS`, int8 (N,). Depends only on the arguments.

    The data set's own splits are kept; if it has no validation, that is taken from its training rows. Without splits,
    first `test` is taken from all rows, then `validation` from the rest: shares of the rows ("closed") or of the
    classes ("zero-shot"). A row with several labels counts for its first.

    "hashed": the result does not depend on the order of rows, and adding rows does not move existing ones, except the
    few that a split needed (see `hashed`).

    Raises: DataError if a split would be empty or not sufficient for training.
    """
    if split == "zero-shot" and rows.multi_label:
        raise DataError(
            'data.split is "zero-shot" but rows have several labels, so classes cannot be kept apart: use "closed"'
        )
    classes = class_codes(rows.labels)
    take = _drawn(classes, split, seed) if splitting == "drawn" else _hashed(rows, classes, split, seed)
    if rows.splits is None:
        codes = np.full(len(rows), TRAIN, dtype=np.int8)
        if test > 0:
            codes[take(np.arange(len(rows)), test, "test")] = TEST
    else:
        codes = split_codes(rows.splits).copy()
        if not (codes == TRAIN).any():
            raise DataError("the data set has no training rows: give some rows the split train")
    if not (codes == VALIDATION).any():
        codes[take(np.flatnonzero(codes == TRAIN), validation, "validation")] = VALIDATION
    _check(rows.labels, classes, codes, zero_shot=split == "zero-shot")
    return codes


_Take = Callable[[NDArray[np.int64], float, str], NDArray[np.int64]]
"""(rows, share, "test" or "validation") → the rows that are held out."""


def _drawn(classes: NDArray[np.int64], split: str, seed: int) -> _Take:
    random = np.random.default_rng([seed, *b"splits"])
    draw = draw_rows if split == "closed" else draw_classes
    return lambda rows, share, name: draw(classes, rows, share, random, name=name)


def _hashed(rows: SourceRows, classes: NDArray[np.int64], split: str, seed: int) -> _Take:
    def of_rows(pool: NDArray[np.int64], share: float, name: str) -> NDArray[np.int64]:
        numbers = _numbers_of_keys(rows.keys, pool, seed, name)
        return pool[hash_rows(classes[pool], numbers, share, name=name)]

    def of_classes(pool: NDArray[np.int64], share: float, name: str) -> NDArray[np.int64]:
        # The test must leave enough classes for both validation and training.
        leave = LEAST_CLASSES * (2 if name == "test" else 1)
        present, first = np.unique(classes[pool], return_index=True)
        names = rows.labels.take(pa.array(pool[first])).to_pylist()
        taken = hash_classes(numbers_of(names, seed, name), share, name=name, leave=leave)
        return pool[np.isin(classes[pool], present[taken])]

    return of_rows if split == "closed" else of_classes


def _numbers_of_keys(keys: pa.Array, rows: NDArray[np.int64], seed: int, name: str) -> NDArray[np.uint64]:
    """See `numbers_of`. In blocks, since Python strings take many times the memory of Arrow's."""
    numbers = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        numbers[block] = numbers_of(keys.take(pa.array(rows[block])).to_pylist(), seed, name)
    return numbers


def class_codes(labels: pa.Array) -> NDArray[np.int64]:
    """Class code of each row, int64 (N,), in order of appearance; of several labels, the first counts."""
    return first_labels(labels).dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _check(labels: pa.Array, classes: NDArray[np.int64], codes: NDArray[np.int8], *, zero_shot: bool) -> None:
    train = classes[codes == TRAIN]
    every = labels.filter(pa.array(codes == TRAIN))
    sizes = np.bincount(class_codes(every.flatten() if pa.types.is_list(every.type) else every))
    if len(sizes) < 2:
        raise DataError(
            f"the training split has {'one' if len(sizes) else 'no'} class in {len(train)} rows but a triplet needs a "
            "negative of another class: give it at least 2 classes"
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
                    f'data.split is "zero-shot" but {len(shared)} classes, such as {label!r}, are in the training '
                    f'and in the {SPLITS[code]} split of the data set: use "closed"'
                )
