"""Evaluate candidates for k by mining a sample with each; the neighbour table suffices, without training."""

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
    """Mine a sample of anchors with every k of ``grid``, and otherwise by ``rule``, whose own k is ignored.

    neighbours: the lines of the sample. anchors: int64, their ids; by default 0, 1, …. Other parameters, and errors:
    see ``mine``.

    Returns a ``Candidate`` for each value of ``grid``, in order: E_train is the mean hinge of its triplets (0 without
    any), coverage the share of anchors with a triplet.
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
