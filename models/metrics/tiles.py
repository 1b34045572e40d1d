"""Exact search of a gallery in tiles: memory does not grow with the gallery."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .blocks import (
    BLOCK_MIB,
    MIB,
    SqDistances,
    columns_of,
    finite_keys,
    key_slices,
    keys_of,
    nearest_keys,
    sq_distances_of,
    tensor_of,
)
from .relevance import Relevance

_COLUMNS = 1 << 16
"""Gallery rows of a tile. A block then has a thousand queries: enough for matrix products to be fast."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The nearest gallery rows of some queries, by (distance, row).

    rows: int64 (Q, K). there: bool (Q, K), False for rows that are taken out of a query's ranking, which come last.
    """

    rows: Tensor
    there: Tensor


class ExactSearch:
    """Search of a gallery, float32 (G, D), for queries, float32 (Q, D)."""

    def __init__(
        self,
        queries: NDArray[np.float32],
        gallery: NDArray[np.float32],
        relevance: Relevance,
        block_mib: int = BLOCK_MIB,
    ) -> None:
        self._queries, self._gallery, self._relevance = queries, gallery, relevance
        self._distances = SqDistances(gallery)
        self._bytes = block_mib * MIB

    def blocks(self, depths: NDArray[np.int64]) -> Iterator[slice]:
        """Cut queries into blocks whose distances and nearest rows fit in memory.

        depths: int64, ascending, number of nearest rows that each query needs.
        """
        most = max(1, self._bytes // (4 * min(_COLUMNS, len(self._gallery))))
        start = 0
        while start < len(depths):
            stop = min(start + most, len(depths))
            fitting = max(1, self._bytes // (8 * int(depths[stop - 1])))
            yield slice(start, min(stop, start + fitting))
            start = min(stop, start + fitting)

    def nearest(self, ids: NDArray[np.int64], count: int) -> Nearest:
        """The `count` nearest gallery rows of the queries `ids`, or all."""
        best = torch.empty((len(ids), 0), dtype=torch.int64)
        for columns, distances in self._tiles(ids):
            best = _merged(best, distances, count, columns.start)
        return Nearest(columns_of(best), finite_keys(best))

    def first_answer(self, ids: NDArray[np.int64]) -> Tensor:
        """int64 (len(ids),): the rank, from 1, of the nearest answer to each query. Each must have one."""
        nearest = torch.full((len(ids),), torch.inf)
        column = torch.zeros(len(ids), dtype=torch.int64)
        for columns, distances in self._tiles(ids):
            answers, _ = self._relevance.of(ids, columns)
            closest = distances.masked_fill_(answers.logical_not_(), torch.inf).amin(dim=1)
            at = (distances == closest[:, None]).view(torch.uint8).argmax(dim=1)  # the first of equal ones
            nearer = closest < nearest
            nearest[nearer], column[nearer] = closest[nearer], at[nearer] + columns.start
        before = torch.zeros(len(ids), dtype=torch.int64)
        for columns, distances in self._tiles(ids):
            before += torch.count_nonzero(distances < nearest[:, None], dim=1)
            ties = distances == nearest[:, None]
            ties &= torch.arange(columns.start, columns.stop) < column[:, None]
            before += torch.count_nonzero(ties, dim=1)
        return before + 1

    def _tiles(self, ids: NDArray[np.int64]) -> Iterator[tuple[slice, Tensor]]:
        """Yield (gallery rows, squared distances float32 (len(ids), rows)); infinite for rows taken out of a ranking.

        Each tile overwrites the one before; callers may write into it, too.
        """
        queries = tensor_of(self._queries[ids])
        for start in range(0, len(self._gallery), _COLUMNS):
            columns = slice(start, min(start + _COLUMNS, len(self._gallery)))
            distances = self._distances.of(queries, columns)
            query, row = self._relevance.taken_out(ids, columns)
            distances[query, row] = torch.inf
            yield columns, distances


def _merged(best: Tensor, distances: Tensor, count: int, first: int) -> Tensor:
    """The `count` smallest keys of each query, ascending: of those found so far and those of a tile.

    first: the gallery row of the tile's first column.
    """
    if best.shape[1] < count:
        more = nearest_keys(distances, count, first)
        return more if not best.shape[1] else _smallest(torch.cat([best, more], dim=1), count)
    # A later row as near as the last one found comes behind it.
    query, column = torch.nonzero(distances < sq_distances_of(best[:, -1])[:, None], as_tuple=True)
    counts = torch.bincount(query, minlength=len(best))
    starts = counts.cumsum(dim=0) - counts
    keys = keys_of(distances[query, column], column + first)
    place = torch.arange(len(query)) - starts[query]
    most = int(counts.max())
    for part in key_slices(len(best), count + most):
        these = slice(int(starts[part][0]), int(starts[part][-1] + counts[part][-1]))
        more = torch.full((part.stop - part.start, most), torch.iinfo(torch.int64).max)
        more[query[these] - part.start, place[these]] = keys[these]
        best[part] = _smallest(torch.cat([best[part], more], dim=1), count)
    return best


def _smallest(keys: Tensor, count: int) -> Tensor:
    return keys.topk(min(count, keys.shape[1]), dim=1, largest=False).values
