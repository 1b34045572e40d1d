"""How far a figure would move with other classes: intervals by bootstrap over classes."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

DRAWS = 1000
LEVEL = 0.95

_AT_ONCE = 2**22


def interval(
    values: NDArray, clusters: NDArray[np.int64], *, seed: int, draws: int = DRAWS
) -> tuple[float, float] | None:
    """Bounds of the mean of values (Q,), were the classes of the queries drawn again; None with fewer than two classes.

    clusters: int64 (Q,), the class of each query. Whole classes are drawn, with replacement (Davison & Hinkley,
    Bootstrap Methods and their Application, 1997, section 3.8): queries of one class rise and fall together, and
    intervals from single queries would be too narrow. Of the means the percentiles are taken, expanded for few classes
    as Hesterberg does (What Teachers Should Know about the Bootstrap, The American Statistician 2015, section 4.2).
    """
    _, place = np.unique(clusters, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    classes = len(counts)
    if classes < 2:
        return None
    sums = np.bincount(place, weights=values.astype(np.float64))
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, _AT_ONCE // classes)
    for start in range(0, draws, step):
        drawn = generator.integers(0, classes, (min(step, draws - start), classes))
        means[start : start + len(drawn)] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    tail = stats.norm.cdf(np.sqrt(classes / (classes - 1)) * stats.t.ppf((1 - LEVEL) / 2, classes - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
