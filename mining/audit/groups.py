"""Check triplets against the ``same_group`` guard."""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..guarding.groups import NO_GROUP
from ..guards import Guards


def of_one_group(
    rows: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    others: NDArray[np.int64] | None,
    guards: Guards,
) -> NDArray[np.bool_]:
    """bool (T,): whether ``same_group`` refuses each triplet.

    rows: int64 (3, T), anchor, positive, negative. groups: int64 (N,), groups of the anchors' set, −1 for none. others:
    int64 (C,), groups of the set of positives and negatives.

    Raises: InputError when groups are missing.
    """
    if groups is None or others is None:
        raise InputError(
            f"guards.same_group is {guards.same_group!r}, but no groups are given: give those that were mined with"
        )
    anchor, positive, negative = groups[rows[0]], others[rows[1]], others[rows[2]]
    refused = (anchor == negative) | ((anchor == positive) & (guards.same_group == "never-pair"))
    return refused & (anchor != NO_GROUP)
