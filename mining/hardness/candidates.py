"""What each candidate for k would mine: no training needed, the neighbour table is there."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..guarding.never_negatives import PairLists
from ..labels import Labels
from ..miner import mine
from ..neighbours import NeighbourTable
from ..rule import MiningRule
from .controller import Candidate


def evaluate_candidates(
    neighbours: NeighbourTable,
    labels: Labels,
    rule: MiningRule,
    grid: Sequence[float],
    *,
    anchors: NDArray[np.int64] | None = None,
    vectors: NDArray[np.float32] | None = None,
    excluded: NDArray[np.bool_] | None = None,
    groups: NDArray[np.int64] | None = None,
    never_negatives: PairLists | None = None,
    threads: int | None = None,
) -> list[Candidate]:
    """Mine a sample of anchors with every k of ``grid``; all else as in ``rule``, whose own k is not used.

    neighbours: rows of the sample. anchors: int64, their ids; without it the sample is rows 0, 1, ….
    labels, vectors, excluded, never_negatives, groups, threads: as for ``mine``, which raises the errors.

    Returns one ``Candidate`` a value of ``grid``, in its order: E_train is the mean hinge of the triplets that
    would be mined (0 without any), coverage the share of the anchors that get one.
    """
    found = []
    for k in grid:
        report = mine(
            neighbours,
            labels,
            replace(rule, k_hardness=float(k)),
            anchors=anchors,
            vectors=vectors,
            excluded=excluded,
            groups=groups,
            never_negatives=never_negatives,
            threads=threads,
        ).report
        found.append(Candidate(k_hardness=float(k), e_train=report.mean_hinge, coverage=report.coverage))
    return found
