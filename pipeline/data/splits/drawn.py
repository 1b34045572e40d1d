"""Random splits as in version 0.1, to recreate `rows.parquet` of runs begun with it.

A draw depends on all rows at once, so that adding a class moves others. New runs use `hashed`.
"""

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

LEAST_CLASSES = 2
"""Smallest number of classes in a split. With a single class every neighbour is right, whatever the encoder does."""


def draw_rows(
    classes: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    random: np.random.Generator,
    *,
    name: str,
) -> NDArray[np.int64]:
    """A share of `rows`, spread evenly over their classes; classes with a single row give none.

    Systematic sampling of the rows, ordered by class and shuffled within: every class gives its share, rounded up or
    down, and small classes together give the right number, where rounding each on its own might give none.
    Raises: DataError if no row is chosen.
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


def draw_classes(
    classes: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    random: np.random.Generator,
    *,
    name: str,
) -> NDArray[np.int64]:
    """The `rows` of a share of their classes, at least two. Raises: DataError if there are too few classes."""
    present = random.permutation(np.unique(classes[rows]))
    count = max(LEAST_CLASSES, round(len(present) * share))
    if len(present) - count < LEAST_CLASSES:
        raise DataError(
            f'data.split is "zero-shot" but {len(present)} classes are too few for {count} in {name} and '
            f'{LEAST_CLASSES} in training: use "closed"'
        )
    return rows[np.isin(classes[rows], present[:count])]
