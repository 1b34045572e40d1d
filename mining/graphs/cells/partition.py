"""Divide a set into cells of near rows: k-means on a sample, and again inside cells that come out too large."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..exact.bounds import mean_of
from .kmeans import assign, train

_ROWS_PER_CENTRE = 40
"""Rows sampled per centre for training. More rows do not improve recall."""

_ROUNDS = 6
_WARM_ROUNDS = 2
"""Rounds of k-means from the centres of an earlier epoch."""

_MOST_CENTRES = 16_384
"""Centres of one k-means at most. For more cells the set is divided in two levels, at √C products per row each."""

_LARGEST = 3
"""A cell with more than this many times ``cell_rows`` rows is divided again."""

_GROUP = 8
"""Near cells that get consecutive numbers, on average. The queries of a block come from a few consecutive cells. If
these are near each other, the block probes half as many different ones."""

_STUCK = 0.9
"""If dividing a cell leaves more than this share of its rows together, they are nearly all equal: cut in row order."""


@dataclass(frozen=True, slots=True)
class Partition:
    """centres: float32 (C, D), one per cell. cell_of: int32 (N,), the cell of each row. No cell is empty."""

    centres: NDArray[np.float32]
    cell_of: NDArray[np.int32]


def divide(
    vectors: NDArray[np.float32],
    *,
    cell_rows: int,
    seed: int,
    threads: int,
    warm_start: NDArray[np.float32] | None = None,
) -> Partition:
    """Divide float32 (N, D) into cells of about ``cell_rows`` rows, the same at any number of ``threads``.

    warm_start: float32 (C, D), centres of nearly the same vectors to start from.
    """
    rows = len(vectors)
    rng = np.random.default_rng((seed, rows, 0xCE11))
    wanted = max(1, round(rows / cell_rows))
    count = wanted if wanted <= _MOST_CENTRES else int(np.ceil(np.sqrt(wanted)))
    sample = vectors[np.sort(rng.choice(rows, min(rows, _ROWS_PER_CENTRE * count), replace=False))]
    if warm_start is None or count < wanted:
        start, rounds = (
            sample[np.sort(rng.choice(len(sample), min(count, len(sample)), replace=False))],
            _ROUNDS,
        )
    else:
        start, rounds = warm_start, _WARM_ROUNDS
    centres = train(sample, start, rounds=rounds, threads=threads)
    if warm_start is None and count == wanted:  # otherwise near cells are together already
        centres = _near_together(centres, threads)
    del sample
    return _no_larger(
        vectors, _held(centres, assign(vectors, centres, threads=threads)), cell_rows, seed, threads
    )


def _near_together(centres: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """The same centres, ordered by groups of near ones."""
    groups = train(centres, centres[::_GROUP], rounds=_ROUNDS, threads=threads)
    return centres[np.argsort(assign(centres, groups, threads=threads), kind="stable")]


def _held(centres: NDArray[np.float32], cell_of: NDArray[np.int32]) -> Partition:
    """The partition without centres that have no rows."""
    counts = np.bincount(cell_of, minlength=len(centres))
    number = np.cumsum(counts > 0) - 1
    return Partition(np.ascontiguousarray(centres[counts > 0]), number[cell_of].astype(np.int32))


def _no_larger(
    vectors: NDArray[np.float32], found: Partition, cell_rows: int, seed: int, threads: int
) -> Partition:
    """The partition with its too large cells divided; a cell's pieces take its place in the order of cells."""
    sizes = np.bincount(found.cell_of)
    large = np.flatnonzero(sizes > _LARGEST * cell_rows)
    if not len(large):
        return found
    by_cell = np.argsort(found.cell_of, kind="stable")
    ends = np.cumsum(sizes)
    pieces = {
        cell: _pieces(vectors, by_cell[ends[cell] - sizes[cell] : ends[cell]], cell_rows, seed, threads)
        for cell in large.tolist()
    }
    centres, cell_of, first = [], np.empty_like(found.cell_of), 0
    for cell, size in enumerate(sizes.tolist()):
        rows = by_cell[ends[cell] - size : ends[cell]]
        if cell in pieces:
            centres.append(pieces[cell].centres)
            cell_of[rows] = first + pieces[cell].cell_of
        else:
            centres.append(found.centres[cell : cell + 1])
            cell_of[rows] = first
        first += len(centres[-1])
    return Partition(np.concatenate(centres), cell_of)


def _pieces(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], cell_rows: int, seed: int, threads: int
) -> Partition:
    """Divide one cell. rows: int64, its rows, ascending."""
    inside = np.ascontiguousarray(vectors[rows])
    count = max(2, round(len(rows) / cell_rows))
    rng = np.random.default_rng((seed, len(rows), int(rows[0]), 0xCE11))
    sample = inside[
        np.sort(rng.choice(len(inside), min(len(inside), _ROWS_PER_CENTRE * count), replace=False))
    ]
    start = sample[np.sort(rng.choice(len(sample), min(count, len(sample)), replace=False))]
    centres = train(sample, start, rounds=_ROUNDS, threads=threads)
    found = _held(centres, assign(inside, centres, threads=threads))
    if np.bincount(found.cell_of).max() > _STUCK * len(rows):
        cell_of = (np.arange(len(rows)) * count // len(rows)).astype(np.int32)
        means = [mean_of(inside[cell_of == piece]) for piece in range(count)]
        return Partition(np.stack(means), cell_of)
    return _no_larger(inside, found, cell_rows, seed, threads)
