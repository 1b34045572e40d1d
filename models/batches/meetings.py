"""Count the mined triplets whose three rows were together in a batch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MinedSet:
    """The mined triplets, sorted by anchor: those of row a are `starts[a]` … `starts[a + 1]` − 1.

    starts: int64 (N + 1,). partners: integers (T, 2), positive and negative; may be a memory map.
    """

    starts: NDArray[np.int64]
    partners: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.partners)


class Meetings:
    """Counts for each batch the mined triplets whose three rows are in it. Exact, with a bit per triplet.

    distinct: number of distinct mined triplets that have been in a batch so far.
    """

    def __init__(self, mined: MinedSet) -> None:
        self._mined = mined
        self._met = np.zeros(-(-len(mined) // 8), np.uint8)
        self._here = np.zeros(len(mined.starts) - 1, np.bool_)
        self.distinct = 0

    def see(self, rows: NDArray[np.int64]) -> int:
        """The number of mined triplets with all three rows in this batch. rows: int64 (B,), all different."""
        starts = self._mined.starts
        lengths = starts[rows + 1] - starts[rows]
        before = np.cumsum(lengths) - lengths
        of_anchors = np.repeat(starts[rows] - before, lengths) + np.arange(lengths.sum())
        self._here[rows] = True
        whole = of_anchors[self._here[self._mined.partners[of_anchors]].all(axis=1)]
        self._here[rows] = False
        byte, bit = whole >> 3, (1 << (whole & 7)).astype(np.uint8)
        self.distinct += int(np.count_nonzero(self._met[byte] & bit == 0))
        np.bitwise_or.at(self._met, byte, bit)
        return len(whole)
