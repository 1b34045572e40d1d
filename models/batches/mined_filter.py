"""Was this triplet mined? Answered from a fixed number of bytes, for any number of mined triplets."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count
from .inputs import check_triplets

_HASHES = 4
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # splitmix64's finaliser


class MinedFilter:
    """A Bloom filter of triplets (Bloom, CACM 1970): it never misses a mined triplet, and now and then takes
    another for mined: with 16 MiB and 10⁷ triplets once in 300.

    It only serves to report how many of the trained triplets had been mined. rows: N, for checking ids.
    """

    def __init__(self, rows: int, *, memory_mib: int = 16) -> None:
        check_count("memory_mib", memory_mib, at_most=1024)
        # A power of two of bits, so that a mask picks the place.
        self._mask = np.uint64((1 << (memory_mib * 2**23 - 1).bit_length()) - 1)
        self._bits = np.zeros((int(self._mask) + 1) // 8, np.uint8)
        self._rows = rows

    def add(self, columns: Mapping[str, NDArray]) -> None:
        """Enter the triplets of one part: columns anchor, positive, negative, int64 (T,)."""
        for place in self._places(*check_triplets(columns, self._rows)):
            np.bitwise_or.at(self._bits, place >> np.uint64(3), _bit(place))

    def contains(self, triplets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool (T,) for triplets int64 (T, 3) of rows."""
        found = np.ones(len(triplets), bool)
        for place in self._places(*triplets.T):
            found &= (self._bits[place >> np.uint64(3)] & _bit(place)) != 0
        return found

    def _places(self, anchors: NDArray, positives: NDArray, negatives: NDArray) -> list[NDArray[np.uint64]]:
        code = np.zeros(len(anchors), np.uint64)
        for ids in (anchors, positives, negatives):
            code = _mixed(code + ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
        second = _mixed(code) | np.uint64(1)  # double hashing; odd, so that it reaches every place
        return [(code + np.uint64(turn) * second) & self._mask for turn in range(_HASHES)]


def _bit(place: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))


def _mixed(code: NDArray[np.uint64]) -> NDArray[np.uint64]:
    code = (code ^ (code >> np.uint64(30))) * _MIX[0]
    code = (code ^ (code >> np.uint64(27))) * _MIX[1]
    return code ^ (code >> np.uint64(31))
