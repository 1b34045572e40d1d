"""Check a neighbour table against the vectors, whichever method made it."""

import numpy as np
from numpy.typing import NDArray

from ..compute.distances import TOLERANCE
from ..neighbours import NO_ROW, NeighbourTable

_BLOCK_VALUES = 1 << 22


def untrue_rows(
    found: NeighbourTable,
    rows: NDArray[np.int64],
    vectors: NDArray[np.float32],
    *,
    excluded: NDArray[np.bool_] | None = None,
    corpus: NDArray[np.float32] | None = None,
    own: NDArray[np.int64] | None = None,
    tolerance: float = TOLERANCE,
) -> NDArray[np.bool_]:
    """bool (R,), True for the lines of a table that break the contract of ``NeighbourTable``.

    Such a line has an id that is no row, is the row itself, occurs twice or is excluded; a pad before an entry; or
    distances that differ from those of the vectors or do not ascend. Whether the neighbours are the *nearest* is not
    checked here: recall measures that.

    found: the lines of ``rows``, int64 (R,). vectors: float32 (N, D). excluded: bool (N,), rows that must not occur.
    corpus: float32 (C, D), the set that ids refer to, if not ``vectors``; own: int64 (R,), the row of it that each
    line must not hold, −1 for none.
    """
    others = vectors if corpus is None else corpus
    own = rows if own is None else own
    untrue = np.zeros(len(rows), np.bool_)
    step = max(1, _BLOCK_VALUES // max(1, found.neighbours * vectors.shape[1]))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        ids, sq = found.ids[block], found.sq_distances[block]
        entry = ids != NO_ROW
        possible = (ids >= 0) & (ids < len(others))
        safe = np.where(possible, ids, 0)
        allowed = possible & (ids != own[block, None])
        if excluded is not None:
            allowed &= ~excluded[safe]
        query, other = vectors[rows[block]].astype(np.float64), others[safe].astype(np.float64)
        true = ((query[:, None, :] - other) ** 2).sum(axis=2)
        scale = (query**2).sum(axis=1)[:, None] + (other**2).sum(axis=2)
        close = np.abs(true - np.where(entry, sq, 0.0)) <= tolerance * scale
        in_order = np.sort(np.where(entry, ids, -np.arange(1, ids.shape[1] + 1)), axis=1)
        untrue[block] = (
            (entry & ~(allowed & close)).any(axis=1)
            | (entry[:, 1:] & ~entry[:, :-1]).any(axis=1)
            | (entry[:, 1:] & ~(sq[:, 1:] >= sq[:, :-1])).any(axis=1)
            | (np.diff(in_order, axis=1) == 0).any(axis=1)
        )
    return untrue
