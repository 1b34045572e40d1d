"""Splits as version 0.1 drew them: for runs that began so, whose `rows.parquet` has to be made again.

A draw depends on all rows at once, so that one class more moves others: new runs take `hashed`.
"""

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

LEAST_CLASSES = 2
"""Of a split with classes of its own. With one, every neighbour is right, whatever the encoder does."""


def draw_rows(
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


def draw_classes(
    classes: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    random: np.random.Generator,
    *,
    name: str,
) -> NDArray[np.int64]:
    """All of `rows` of a share of their classes, at least two classes."""
    present = random.permutation(np.unique(classes[rows]))
    count = max(LEAST_CLASSES, round(len(present) * share))
    if len(present) - count < LEAST_CLASSES:
        raise DataError(
            f'data.split is "zero-shot" but {len(present)} classes do not suffice for {count} for {name} and '
            f'{LEAST_CLASSES} for training: use "closed"'
        )
    return rows[np.isin(classes[rows], present[:count])]
