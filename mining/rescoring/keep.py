"""Keep some of the mined triplets, and update their report."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..labels import Labels
from ..miner import Mined
from ..report import ClassCounts
from ..rule import MiningRule


def keep_triplets(mined: Mined, stays: NDArray[np.bool_], rule: MiningRule, labels: Labels | None) -> Mined:
    """Keep the triplets where ``stays``, bool (T,), is True; count the others as refused by the teacher.

    labels: of the whole set; None for queries and documents, which are not counted by class. An anchor that loses all
    its triplets counts as one without an admissible negative. The confusion table, which covers all admissible pairs,
    is unchanged.
    """
    columns = {name: column[stays] for name, column in mined.columns.items()}
    lost = len(np.unique(mined.columns["anchor"])) - len(np.unique(columns["anchor"]))
    report = mined.report
    hinges = columns["sq_positive"].astype(np.float64) + rule.margin - columns["sq_negative"]
    by_class = report.triplets_by_class
    if labels is not None:
        anchor, positive = columns["anchor"], columns["positive"]
        taught = columns["anchor_label"] if labels.single else labels.all_shared(anchor, positive)[1]
        by_class = ClassCounts.of(taught)
    changed = replace(
        report,
        anchors_without_admissible_negative=report.anchors_without_admissible_negative + lost,
        triplets=int(stays.sum()),
        hinge=float(hinges.sum()),
        refused={**report.refused, "teacher": int((~stays).sum())},
        triplets_by_class=by_class,
    )
    return Mined(columns, mined.confusion, changed)
