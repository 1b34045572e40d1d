"""Metrics of item scores against known pairs (which of two items is better) and known values."""

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
    """pairs, pair_accuracy, pair_accuracy_interval, violation_share; with alike pairs also alike_pairs, alike_share.

    pairs: number of "better" pairs. pair_accuracy: share of them whose better item has the higher score; equal scores
    are wrong (Doughty et al., CVPR 2018, section 4). pair_accuracy_interval: [low, high] or None, see
    `interval_of_pairs`; the units are the groups, and items without a group. violation_share: share of them whose
    scores differ by less than the margin, or in the wrong direction. alike_share: share of the alike pairs whose scores
    differ by at most the margin. Without "better" pairs, their metrics are left out.

    scores: float64 (I,), one per item. better: int64 (P, 2), the first item is better. alike: int64 (Q, 2). margin: of
    the loss. groups: int64 (I,), −1 for none.
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
    """Kendall's τ-b of scores and known values, both float64 (I,); None if either is constant.

    Kendall, Biometrika 33, 1945: concordant minus discordant pairs, divided by the geometric mean of the numbers of
    pairs that are not tied in the one and in the other.
    """
    if len(np.unique(scores)) < 2 or len(np.unique(values)) < 2:
        return None
    from scipy import stats

    tau, _ = stats.kendalltau(scores, values)
    return float(tau)  # pyright: ignore[reportArgumentType] — a number, whatever its stub says


def kendall_metrics(
    scores: NDArray[np.float64], values: NDArray[np.float64], groups: NDArray[np.int64]
) -> dict[str, Any]:
    """items_with_value, kendall_tau over all items with a known value, and kendall_tau_in_groups, its mean over groups.

    Empty if no two known values differ. Groups in which scores or values are constant do not count; without any other
    group, kendall_tau_in_groups is left out. values: float64 (I,), NaN if unknown. groups: int64 (I,), −1 for none.
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
