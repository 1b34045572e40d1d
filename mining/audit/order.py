"""Check that triplets were taken in the rule's order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import lots
from ..rule import MiningRule
from .margins import within_margins


def out_of_order(columns: Mapping[str, NDArray[Any]], rule: MiningRule) -> NDArray[np.bool_]:
    """bool (T,): the triplet's positive should have got the negative of a later triplet of the same anchor.

    columns: as in ``Mined``, in any order. A triplet is later if its positive's turn comes later. With "farthest",
    positives at equal distance are not compared.
    """
    turn, preference = _turns(columns, rule)
    order = np.lexsort((turn, columns["anchor"]))
    anchor, turn, preference = columns["anchor"][order], turn[order], preference[order]
    sq_p, sq_n = (columns[name][order].astype(np.float64) for name in ("sq_positive", "sq_negative"))
    wrong = np.zeros(len(order), np.bool_)
    for gap in range(1, _largest_group(anchor)):
        # Compare each triplet with the one `gap` places on, if both have the same anchor.
        earlier = np.flatnonzero((anchor[:-gap] == anchor[gap:]) & (turn[:-gap] != turn[gap:]))
        later = earlier + gap
        fits = _admissible(sq_p[earlier], sq_n[later], rule)
        wrong[earlier[fits & (preference[later] < preference[earlier])]] = True
    found = np.zeros(len(order), np.bool_)
    found[order[wrong]] = True
    return found


def _turns(columns: Mapping[str, NDArray[Any]], rule: MiningRule) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays (T,): the turn of each triplet's positive, and its preference for the negative; lowest first."""
    if rule.order == "farthest":
        return -columns["sq_positive"], columns["sq_negative"]
    positive, negative = np.empty((2, len(columns["anchor"])), np.uint64)
    anchors, of_anchor = np.unique(columns["anchor"], return_inverse=True)
    by_anchor = np.argsort(of_anchor, kind="stable")
    starts = np.searchsorted(of_anchor[by_anchor], np.arange(len(anchors) + 1))
    for number, anchor in enumerate(anchors.tolist()):
        places = by_anchor[starts[number] : starts[number + 1]]
        for drawn, name in ((positive, "positive"), (negative, "negative")):
            drawn[places] = lots(rule.order_seed, anchor, columns[name][places].astype(np.int64))
    return positive, negative


def _largest_group(ascending: NDArray[Any]) -> int:
    return int(np.unique(ascending, return_counts=True)[1].max(initial=0))


def _admissible(sq_p: NDArray[np.float64], sq_n: NDArray[np.float64], rule: MiningRule) -> NDArray[np.bool_]:
    """Whether pairs are admissible by distance, given that each negative is admissible for some positive."""
    inside = (float(rule.k_hardness) * float(rule.k_hardness) * sq_p < sq_n) & (sq_n < sq_p + rule.margin)
    return inside & ~within_margins(sq_p, sq_n, rule.guards)
