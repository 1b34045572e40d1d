"""Which rows of a class come into a batch: those with mined triplets first."""

import numpy as np
from numpy.typing import NDArray

from .decks import Decks


class MinedFirst:
    """Deals the rows of a class, those with mined triplets first; both kinds are dealt in turn.

    classes: int32 (N,). mined: bool (N,), whether a row has mined triplets as an anchor.
    """

    def __init__(
        self, classes: NDArray[np.int32], mined: NDArray[np.bool_], generator: np.random.Generator
    ) -> None:
        self._mined = _decks(classes, mined, generator)
        self._others = _decks(classes, ~mined, generator)

    def deal(self, code: int, count: int) -> NDArray[np.int64]:
        """`count` different rows of a class, or all that it has."""
        mined = self._mined.deal(code, count)
        if len(mined) == count:
            return mined
        return np.concatenate([mined, self._others.deal(code, count - len(mined))])


def _decks(classes: NDArray[np.int32], kept: NDArray[np.bool_], generator: np.random.Generator) -> Decks:
    counts = np.bincount(classes[kept], minlength=int(classes.max()) + 1)
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(classes[rows], kind="stable")]
    return Decks(rows, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), generator)
