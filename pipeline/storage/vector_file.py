"""Vectors in a file of plain float32, row after row: written once, then read in part."""

import mmap
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .publish import fsync_file

_BLOCK_BYTES = 1 << 26
_PAGE = mmap.PAGESIZE
_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE (in `mmap` from Python 3.13 on): pages that are never written need no memory or swap."""


@dataclass(frozen=True, slots=True)
class VectorFile:
    """float32 (rows, width) at `path`."""

    path: Path
    rows: int
    width: int

    @property
    def row_bytes(self) -> int:
        """Size of one vector in bytes."""
        return 4 * self.width

    def mapped(self, mode: Literal["r", "r+", "w+"] = "r") -> NDArray[np.float32]:
        """The whole file, memory-mapped: the system reads pages on access and drops them when memory is short.

        mode: "w+" creates the file. Raises: OSError.
        """
        return np.memmap(self.path, np.float32, mode, shape=(self.rows, self.width))

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows start to stop. Raises: OSError; EOFError for a file that is too short."""
        found = np.empty((stop - start, self.width), np.float32)
        self._fill(found, start)
        return found

    def some(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some rows, float32 (R, width). rows: ascending. Raises: as `read`."""
        found = np.empty((len(rows), self.width), np.float32)
        for place, first, stop in _runs(rows):
            self._fill(found[place : place + stop - first], first)
        return found

    def selected(self, path: Path, rows: NDArray[np.int64]) -> "VectorFile":
        """Write some rows to a new file at `path`. rows: ascending. Raises: as `read`."""
        chosen = VectorFile(path, len(rows), self.width)
        into, step = chosen.mapped("w+"), max(1, _BLOCK_BYTES // self.row_bytes)
        for start in range(0, len(rows), step):
            into[start : start + step] = self.some(rows[start : start + step])
        fsync_file(path)
        return chosen

    def only(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """An array (rows, width) of the file's shape that holds only these rows; all others are zeros without memory.

        For code that looks vectors up by row number. rows: ascending. Raises: as `read`.
        """
        size = self.rows * self.row_bytes
        room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE)
        if sys.platform == "linux":
            room.madvise(mmap.MADV_NOHUGEPAGE)  # else each row may take 2 MiB
        whole = np.frombuffer(room, np.float32).reshape(self.rows, self.width)
        for _, first, stop in _runs(rows):
            self._fill(whole[first:stop], first)
        return whole

    def only_bytes(self, rows: NDArray[np.int64]) -> int:
        """The most memory, in bytes, that `only` takes."""
        return min(self.rows * self.row_bytes, len(rows) * (self.row_bytes + _PAGE)) + 2 * _PAGE

    def _fill(self, into: NDArray[np.float32], first: int) -> None:
        content, at = into.view(np.uint8).reshape(-1).data, first * self.row_bytes
        with self.path.open("rb", buffering=0) as file:
            while content:
                count = os.preadv(file.fileno(), [content], at)
                if not count:
                    raise EOFError(f"{self.path} ends before row {first + len(into)}: mine again")
                content, at = content[count:], at + count


def _runs(rows: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Runs of consecutive rows: (position of the first in `rows`, first row, last row + 1)."""
    places = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
    firsts, lengths = rows[places], np.diff(places, append=len(rows))
    return list(zip(places.tolist(), firsts.tolist(), (firsts + lengths).tolist(), strict=True))
