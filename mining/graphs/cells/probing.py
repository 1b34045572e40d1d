"""The cells to search for a query: those of the nearest centres, by float32 differences."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...compute.threads import read_only
from ..exact import index as exact
from ..exact.index import ExactIndex

LISTED = 1024
"""Near cells listed for each cell; its rows probe only these. With fewer cells there are no lists, all are ranked."""

_NO_ID = -1


def list_cells(centres: NDArray[np.float32], *, threads: int) -> NDArray[np.int32] | None:
    """int32 (C, LISTED), the cells nearest to each cell, itself first; None if there are no more than LISTED cells."""
    if len(centres) <= LISTED:
        return None
    own = np.arange(len(centres), dtype=np.int64)
    near = exact.build(centres).search(centres, query_ids=own, neighbours=LISTED - 1, threads=threads)
    return np.concatenate([own[:, None], near.ids], axis=1).astype(np.int32)


class Probing:
    """Ranks cells for queries. centres: float32 (C, D). lists: from ``list_cells``."""

    def __init__(self, centres: NDArray[np.float32], lists: NDArray[np.int32] | None) -> None:
        self.centres = centres
        self.lists = lists
        self.most = len(centres) if lists is None else lists.shape[1]
        self._all = exact.build(centres) if lists is None else None

    def nearest(
        self, queries: NDArray[np.float32], homes: NDArray[np.int32], probes: int
    ) -> NDArray[np.int32]:
        """int32 (Q, min(probes, most)), the cells nearest to each query, by centre, nearest first.

        queries: float32 (Q, D). homes: int32 (Q,), the queries' own cells, ascending.
        """
        probes = min(probes, self.most)
        if self._all is not None:
            return _ranked(self._all, queries, probes).astype(np.int32)
        assert self.lists is not None
        cells = np.empty((len(queries), probes), np.int32)
        bounds = [0, *(np.flatnonzero(np.diff(homes)) + 1).tolist(), len(queries)]
        for start, stop in pairwise(bounds):
            if start < stop:
                # Ascending, so that equally near cells are ranked by number, as without lists.
                listed = np.sort(self.lists[homes[start]])
                some = exact.build(np.ascontiguousarray(self.centres[listed]))
                cells[start:stop] = listed[_ranked(some, queries[start:stop], probes)]
        return cells


def _ranked(centres: ExactIndex, queries: NDArray[np.float32], probes: int) -> NDArray[np.int64]:
    # Queries are not centres: leave out none by id.
    nobody = np.full(len(queries), _NO_ID, np.int64)
    return centres.search(read_only(queries), query_ids=nobody, neighbours=probes, threads=1).ids
