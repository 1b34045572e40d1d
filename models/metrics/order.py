"""How good scores of items are where it is known which of two is better."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .intervals import interval_of_pairs


def order_metrics(
    scores: NDArray[np.float64],
    better: NDArray[np.int64],
    alike: NDArray[np.int64],
    *,
    margin: float,
    groups: NDArray[np.int64],
) -> dict[str, Any]:
    """pairs, pair_accuracy and its interval, violation_share; and alike_pairs, alike_share where pairs are alike.

    pair_accuracy: share of the pairs whose better item has the higher score; equal scores are wrong (Doughty et al.,
    CVPR 2018, section 4); pair_accuracy_interval is [low, high] or None, see `interval_of_pairs`, where units are the
    groups of the items, and items without one. violation_share: of the same pairs, those whose scores differ by less
    than the margin, or the wrong way. alike_share: of the pairs that are alike, those whose scores differ by the margin
    at most. What is of "better" pairs is left out where there are none.

    scores: float64 (I,), by item. better: int64 (P, 2), the first better. alike: int64 (Q, 2). margin: of the loss.
    groups: int64 (I,), −1 for none.
    """
    found: dict[str, Any] = {"pairs": len(better)}
    if len(better):
        gaps = scores[better[:, 0]] - scores[better[:, 1]]
        units = np.where(groups >= 0, groups, np.arange(len(groups)) + groups.max() + 1)
        bounds = interval_of_pairs(gaps > 0, *units[better].T)
        found |= {
            "pair_accuracy": float((gaps > 0).mean()),
            "pair_accuracy_interval": None if bounds is None else list(bounds),
            "violation_share": float((gaps < margin).mean()),
        }
    if len(alike):
        gaps = np.abs(scores[alike[:, 0]] - scores[alike[:, 1]])
        found |= {"alike_pairs": len(alike), "alike_share": float((gaps <= margin).mean())}
    return found


def kendall(scores: NDArray[np.float64], values: NDArray[np.float64]) -> float | None:
    """Kendall's τ-b of scores and known values, both float64 (I,); None where either has one value only.

    Kendall, Biometrika 33, 1945: concordant minus discordant pairs, over the geometric mean of the pairs that have an
    order in the one and in the other.
    """
    if len(np.unique(scores)) < 2 or len(np.unique(values)) < 2:
        return None
    from scipy import stats

    tau, _ = stats.kendalltau(scores, values)
    return float(tau)  # pyright: ignore[reportArgumentType] — a number, whatever its stub says


def kendall_metrics(
    scores: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[np.int64]
) -> dict[str, Any]:
    """kendall_tau over all items whose value is known, and kendall_tau_in_groups, the mean over groups of such items.

    Nothing where no two items have different values. values: float64 (I,), NaN where none is known. groups: int64 (I,),
    −1 for none; without any, the mean is left out, as are groups in which nothing has an order.
    """
    known = ~np.isnan(values)
    whole = kendall(scores[known], values[known])
    if whole is None:
        return {}
    found: dict[str, Any] = {"items_with_value": int(known.sum()), "kendall_tau": whole}
    of_groups = [
        kendall(scores[known & (groups == group)], values[known & (groups == group)])
        for group in np.unique(groups[known & (groups >= 0)])
    ]
    ordered = [tau for tau in of_groups if tau is not None]
    if ordered:
        found["kendall_tau_in_groups"] = float(np.mean(ordered))
    return found
