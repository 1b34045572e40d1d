"""A neighbour table in files while it is searched for: rows are written in any order and read back in theirs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.neighbours import NeighbourTable


class ScratchTable:
    """rows × neighbours: int64 ids in one file, float32 squared distances in another, read as they lie there.

    Written and read by calls, not mapped: pages of a mapping count as memory of the process until somebody else needs
    them.
    """

    def __init__(self, ids: int, sq_distances: int, neighbours: int) -> None:
        """ids, sq_distances: descriptors of the files."""
        self._columns = (ids, np.dtype(np.int64)), (sq_distances, np.dtype(np.float32))
        self._neighbours = neighbours

    def write(self, rows: NDArray[np.int64], table: NeighbourTable) -> None:
        """Write the lines of some rows. Raises: OSError."""
        # One call for rows that follow each other.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for (descriptor, dtype), values in zip(self._columns, (table.ids, table.sq_distances), strict=True):
            content, size = _bytes_of(np.ascontiguousarray(values, dtype)), dtype.itemsize * self._neighbours
            for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
                _write_whole(descriptor, content[start * size : stop * size], int(rows[start]) * size)

    def read(self, start: int, stop: int) -> NeighbourTable:
        """Lines start to stop, all of which have been written. Raises: OSError."""
        return NeighbourTable(*(self._read(*column, start, stop) for column in self._columns))

    def _read(self, descriptor: int, dtype: np.dtype, start: int, stop: int) -> NDArray[Any]:
        values = np.empty((stop - start, self._neighbours), dtype)
        content, at = _bytes_of(values), start * dtype.itemsize * self._neighbours
        while content:
            count = os.preadv(descriptor, [content], at)
            if not count:
                raise EOFError(f"the scratch file of the neighbour table ends before row {stop}")
            content, at = content[count:], at + count
        return values


def _bytes_of(values: NDArray[Any]) -> memoryview:
    return values.reshape(-1).view(np.uint8).data


def _write_whole(descriptor: int, content: memoryview, at: int) -> None:
    while content:
        count = os.pwrite(descriptor, content, at)
        content, at = content[count:], at + count


@contextmanager
def scratch_table(folder: Path, neighbours: int) -> Iterator[ScratchTable]:
    """An empty table in files of `folder` that are gone afterwards, however this process ends. Raises: OSError."""
    with ExitStack() as closing:
        ids, sq_distances = (
            _unnamed(folder / f".{column}.scratch", closing) for column in ("ids", "sq-distances")
        )
        yield ScratchTable(ids, sq_distances, neighbours)


def _unnamed(path: Path, closing: ExitStack) -> int:
    """A descriptor of a new file that has no name any more."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    closing.callback(os.close, descriptor)
    path.unlink()
    return descriptor
