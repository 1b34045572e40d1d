"""A neighbour table in a file while it is searched for: rows are written in any order and read back in theirs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...mining.neighbours import NeighbourTable


class _Block(NamedTuple):
    """Lines that were written together. rows: ascending. at: where in the file their ids begin."""

    rows: NDArray[np.integer]
    at: int


class ScratchTable:
    """Lines of int64 (K,) ids and float32 (K,) squared distances, in blocks at the end of a file, as they come.

    A search by cells brings rows from all over the table. Each in its place would touch every page of the file again
    and again; a range of rows is instead gathered from all blocks, where it lies together.

    Written and read by calls, not mapped: pages of a mapping count as memory of the process until somebody else needs
    them.
    """

    def __init__(self, descriptor: int, neighbours: int) -> None:
        self._descriptor = descriptor
        self._neighbours = neighbours
        self._blocks: list[_Block] = []
        self._end = 0

    def write(self, rows: NDArray[np.int64], table: NeighbourTable) -> None:
        """Write the lines of some rows, ascending, each of which comes once. Raises: OSError."""
        at = self._end
        for values in (table.ids.astype(np.int64, copy=False), table.sq_distances):
            self._end += _write_whole(self._descriptor, np.ascontiguousarray(values), self._end)
        # Of all rows together these stay in memory.
        kept = rows.astype(np.int32) if len(rows) and rows[-1] <= np.iinfo(np.int32).max else rows
        self._blocks.append(_Block(kept, at))

    def read(self, start: int, stop: int) -> NeighbourTable:
        """Lines start to stop, all of which have been written. Raises: OSError."""
        ids = np.empty((stop - start, self._neighbours), np.int64)
        sq_distances = np.empty((stop - start, self._neighbours), np.float32)
        found = 0
        for block in self._blocks:
            first, last = np.searchsorted(block.rows, (start, stop)).tolist()
            if first == last:
                continue
            places, at = block.rows[first:last] - start, block.at
            for into in (ids, sq_distances):
                line = into.itemsize * self._neighbours
                into[places] = self._read(into.dtype, at + first * line, last - first)
                at += len(block.rows) * line
            found += last - first
        if found < stop - start:
            raise EOFError(
                f"of rows {start} to {stop} of the neighbour table {stop - start - found} are not there"
            )
        return NeighbourTable(ids, sq_distances)

    def _read(self, dtype: np.dtype, at: int, lines: int) -> NDArray[Any]:
        values = np.empty((lines, self._neighbours), dtype)
        content = values.reshape(-1).view(np.uint8).data
        while content:
            count = os.preadv(self._descriptor, [content], at)
            if not count:
                raise EOFError("the scratch file of the neighbour table was cut short")
            content, at = content[count:], at + count
        return values


def _write_whole(descriptor: int, values: NDArray[Any], at: int) -> int:
    """Returns how many bytes."""
    content = values.reshape(-1).view(np.uint8).data
    while content:
        count = os.pwrite(descriptor, content, at)
        content, at = content[count:], at + count
    return values.nbytes


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
