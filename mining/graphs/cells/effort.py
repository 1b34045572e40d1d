"""The number of cells to search for each query."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...checks import check_share
from ...neighbours import NO_ROW
from ..recall import Calibration, RecallSample
from .index import CellsIndex


def calibrate_probes(
    index: CellsIndex, sample: RecallSample, *, recall_target: float, threads: int = 1
) -> Calibration[CellsIndex]:
    """The least ``probes`` that reach ``recall_target`` on the sample, found without a search.

    Within the cells it probes a search is exact: it finds a neighbour if and only if it probes that neighbour's cell.
    So recall follows from the rank of that cell among the cells near the query.

    sample: queries, and their true neighbours in this index. Raises: InputError when the target is not within 0 … 1.
    """
    check_share("recall_target", recall_target)
    share = _found(index, sample, threads)
    enough = np.flatnonzero(share >= recall_target)
    probes = int(enough[0]) + 1 if len(enough) else len(share)
    recall = float(share[probes - 1])
    parameters = replace(index.parameters, probes=probes)
    return Calibration(index.with_parameters(parameters), recall, len(enough) > 0, ((probes, recall),))


def _found(index: CellsIndex, sample: RecallSample, threads: int) -> NDArray[np.float64]:
    """float64 (most,): the share of true neighbours that lie in the 1, 2, … cells nearest to their query."""
    homes = index.homes(sample.queries, sample.own, threads=threads)
    order = np.argsort(homes, kind="stable")
    cells = index.probing.nearest(sample.queries[order], homes[order], index.probing.most)
    hits, wanted = np.zeros(cells.shape[1], np.int64), 0
    rank = np.full(len(index.partition.centres), cells.shape[1])
    for near, row in zip(cells, order, strict=True):
        ids = sample.truth.ids[row]
        true = ids[ids != NO_ROW] - index.first_id
        rank[near] = np.arange(len(near))
        hits += np.bincount(rank[index.partition.cell_of[true]], minlength=len(near) + 1)[: len(near)]
        rank[near] = len(near)
        wanted += len(true)
    return np.cumsum(hits) / wanted if wanted else np.ones(cells.shape[1])
