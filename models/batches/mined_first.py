"""Choose the rows of a class for a batch: those with mined triplets first."""

import numpy as np
from numpy.typing import NDArray

from ..row_classes import RowClasses
from .decks import Decks


class MinedFirst:
    """Deals the rows of a class, those with mined triplets first; each kind is dealt from its own deck.

    classes: of the N rows. mined: bool (N,), whether a row has mined triplets as an anchor.
    """

    def __init__(self, classes: RowClasses, mined: NDArray[np.bool_], generator: np.random.Generator) -> None:
        self._mined = Decks(*classes.rows_by_class(mined), generator)
        self._others = Decks(*classes.rows_by_class(~mined), generator)

    def deal(self, code: int, count: int, taken: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """`count` different rows of a class, or all that it has. taken: see `Decks.deal`."""
        mined = self._mined.deal(code, count, taken)
        if len(mined) == count:
            return mined
        return np.concatenate([mined, self._others.deal(code, count - len(mined), taken)])
