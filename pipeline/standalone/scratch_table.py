"""A neighbour table in a temporary file during the search: lines are written in any order and read back in row
order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...mining.neighbours import NeighbourTable


class _Block(NamedTuple):
    """Lines that were written together. rows: ascending. at: offset of their ids in the file."""

    rows: NDArray[np.integer]
    at: int


class ScratchTable:
    """Lines of int64 (K,) ids and float32 (K,) squared distances, appended to a file in blocks.

    A search by cells returns rows from all over the table. Writing each line in its place would touch every page of the
    file again and again; instead, reading a range of rows gathers its lines, which are contiguous in each block.

    The file is not memory-mapped, since mapped pages count as memory of the process until they are evicted.
    """

    def __init__(self, descriptor: int, neighbours: int) -> None:
        self._descriptor = descriptor
        self._neighbours = neighbours
        self._blocks: list[_Block] = []
        self._end = 0

    def write(self, rows: NDArray[np.int64], table: NeighbourTable) -> None:
        """Append the lines of some rows. rows: ascending; each row is written only once. Raises: OSError."""
        at = self._end
        for values in (table.ids.astype(np.int64, copy=False), table.sq_distances):
            self._end += _write_whole(self._descriptor, np.ascontiguousarray(values), self._end)
        # These stay in memory, for all rows of the table.
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
    """Write all values at this offset. Returns the number of bytes."""
    content = values.reshape(-1).view(np.uint8).data
    while content:
        count = os.pwrite(descriptor, content, at)
        content, at = content[count:], at + count
    return values.nbytes


@contextmanager
def scratch_table(folder: Path, neighbours: int) -> Iterator[ScratchTable]:
    """Yield an empty table in a file of `folder`, which is gone afterwards however the process ends. Raises:
    OSError."""
    path = folder / ".neighbours.scratch"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        path.unlink()
        yield ScratchTable(descriptor, neighbours)
    finally:
        os.close(descriptor)
