"""The summary that ``verbose`` prints."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .bounds import Bounds
from .choose import Negatives
from .texts import Texts

_ROW = "{:<8} {:>12} {:>12} {:>12}"


def summary(
    texts: Texts,
    positive_scores: NDArray[np.float32],
    negatives: Negatives,
    bounds: Bounds,
    missing: int,
    most: int,
) -> Iterator[str]:
    """Lines with the distribution of scores and their differences, the refusals of each bound, and missing
    negatives."""
    query, place = np.nonzero(negatives.found[texts.query_of_pair()])
    negative = negatives.scores[texts.query_of_pair()[query], place]
    kinds = positive_scores, negative, positive_scores[query] - negative
    yield _ROW.format("score", "positive", "negative", "difference")
    yield _ROW.format("count", *(f"{len(kind):,}" for kind in kinds[:2]), "")
    if len(negative):
        for name, share in (("min", 0), ("25 %", 25), ("median", 50), ("75 %", 75), ("max", 100)):
            yield _ROW.format(name, *(f"{np.percentile(kind, share):.4f}" for kind in kinds))
    for name, count in negatives.refused.items():
        if count:
            yield f"Candidates refused by {name} = {getattr(bounds, name)}: {count:,}."
    if missing:
        margins = ("absolute_margin", "relative_margin", "max_score")
        names = ["range_max", *(["range_min"] if bounds.range_min else [])]
        names += [name for name in margins if getattr(bounds, name) is not None]
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        yield (
            f"Could not find enough negatives for {missing:,} of {most:,} rows. Consider adjusting the {listed} "
            f"parameter{'s' if len(names) > 1 else ''} if there are to be more."
        )
