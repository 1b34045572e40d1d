"""Check the two minimum margins between a positive and a negative."""

import numpy as np
from numpy.typing import NDArray

from ..guards import Guards


def within_margins(
    sq_positive: NDArray[np.float64], sq_negative: NDArray[np.float64], guards: Guards
) -> NDArray[np.bool_]:
    """bool (T,): whether `minimum_margin_sq` or `relative_margin` refuses the negative for its positive."""
    refused = np.zeros(len(sq_positive), np.bool_)
    if guards.minimum_margin_sq is not None:
        refused |= sq_negative < sq_positive + guards.minimum_margin_sq
    if guards.relative_margin is not None:
        score = 1.0 - sq_positive / 2.0
        most = score * np.where(score > 0.0, 1.0 - guards.relative_margin, 1.0 + guards.relative_margin)
        refused |= sq_negative < 2.0 - 2.0 * most
    return refused
