"""Deterministic, evenly spread samples of rows and parts, for data too large to read in full."""

import numpy as np
from numpy.typing import NDArray

BLOCKS = 16
"""Maximum number of ranges to read: each may cost a whole chunk of a file."""


def spread_blocks(rows: int, wanted: int, blocks: int = BLOCKS) -> list[range]:
    """At most `wanted` of `rows` rows, as evenly spread ranges of equal length; all rows if `wanted` suffices.

    >>> spread_blocks(100, 10, 2)
    [range(0, 5), range(95, 100)]
    """
    if rows <= wanted:
        return [range(rows)]
    blocks = min(blocks, wanted)
    length = wanted // blocks
    starts = np.linspace(0, rows - length, blocks).astype(np.int64).tolist()
    return [range(start, start + length) for start in starts]


def sample_of(rows: int, wanted: int, *, seed: int = 0, span: int = 8192) -> NDArray[np.int64]:
    """int64 (at most `wanted`,), ascending: rows drawn from evenly spread ranges of at most `span` rows each."""
    pool = np.concatenate([np.asarray(block) for block in spread_blocks(rows, BLOCKS * span)])
    if len(pool) <= wanted:
        return pool
    return np.sort(np.random.default_rng(seed).choice(pool, wanted, replace=False))


def spread_parts(sizes: list[int], limit: int) -> list[int]:
    """The parts to read for about `limit` rows: all, or evenly spread ones. sizes: number of rows of each part.

    >>> spread_parts([10, 10, 10, 10], 20)
    [0, 3]
    """
    total = sum(sizes)
    if total <= limit or len(sizes) < 2:
        return list(range(len(sizes)))
    count = max(1, int(limit / (total / len(sizes))))
    return sorted({int(place) for place in np.linspace(0, len(sizes) - 1, count).round()})
