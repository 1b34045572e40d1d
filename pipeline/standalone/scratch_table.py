"""A neighbour table in a file while it is searched for: rows are written in any order and read back in theirs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...mining.neighbours import NeighbourTable


class ScratchTable:
    """rows × neighbours. One record a row: int64 (K,) ids, float32 (K,) squared distances.

    Written and read by calls, not mapped: pages of a mapping count as memory of the process until somebody else needs
    them.
    """

    def __init__(self, descriptor: int, neighbours: int) -> None:
        self._descriptor = descriptor
        self._record = np.dtype([("ids", np.int64, neighbours), ("sq_distances", np.float32, neighbours)])

    def write(self, rows: NDArray[np.int64], table: NeighbourTable) -> None:
        """Write the lines of some rows. Raises: OSError."""
        records = np.empty(len(rows), self._record)
        records["ids"], records["sq_distances"] = table.ids, table.sq_distances
        content, size = records.view(np.uint8).data, self._record.itemsize
        # One call for rows that follow each other.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
            self._write_whole(content[start * size : stop * size], int(rows[start]) * size)

    def read(self, start: int, stop: int) -> NeighbourTable:
        """Lines start to stop, all of which have been written. Raises: OSError."""
        records = np.empty(stop - start, self._record)
        content, at = records.view(np.uint8).data, start * self._record.itemsize
        while content:
            count = os.preadv(self._descriptor, [content], at)
            if not count:
                raise EOFError(f"the scratch file of the neighbour table ends before row {stop}")
            content, at = content[count:], at + count
        return NeighbourTable(
            np.ascontiguousarray(records["ids"]), np.ascontiguousarray(records["sq_distances"])
        )

    def _write_whole(self, content: memoryview, at: int) -> None:
        while content:
            count = os.pwrite(self._descriptor, content, at)
            content, at = content[count:], at + count


@contextmanager
def scratch_table(folder: Path, neighbours: int) -> Iterator[ScratchTable]:
    """An empty table in a file of `folder` that is gone afterwards, however this process ends. Raises: OSError."""
    path = folder / ".neighbours.scratch"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        path.unlink()
        yield ScratchTable(descriptor, neighbours)
    finally:
        os.close(descriptor)
