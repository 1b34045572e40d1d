"""Rows written in any order come back in their own order."""

import os
from pathlib import Path

import numpy as np
import pytest
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.pipeline.standalone.scratch_table import scratch_table


@pytest.mark.parametrize("short", [False, True])
def test_rows_come_back(tmp_path: Path, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """short: calls write and read less than they were asked for."""
    if short:
        write, read = os.pwrite, os.preadv
        monkeypatch.setattr(os, "pwrite", lambda file, some, at: write(file, some[:50], at))
        monkeypatch.setattr(os, "preadv", lambda file, into, at: read(file, [into[0][:50]], at))
    rng = np.random.default_rng(0)
    whole = NeighbourTable(rng.integers(-1, 90, (90, 7)), rng.random((90, 7), np.float32))
    with scratch_table(tmp_path, 7) as scratch:
        for rows in np.array_split(rng.permutation(90), 4):
            ordered = np.sort(rows)
            scratch.write(ordered, NeighbourTable(whole.ids[ordered], whole.sq_distances[ordered]))
        for start, stop in ((0, 90), (13, 14), (40, 40), (80, 90)):
            found = scratch.read(start, stop)
            np.testing.assert_array_equal(found.ids, whole.ids[start:stop])
            np.testing.assert_array_equal(found.sq_distances, whole.sq_distances[start:stop])
        with pytest.raises(EOFError, match="of rows 80 to 91 of the neighbour table 1 are not there"):
            scratch.read(80, 91)
    assert not list(tmp_path.iterdir())
