"""The guard by group, on triplets."""

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
    """bool (T,): whether ``same_group`` refuses a triplet. rows: int64 (3, T), anchor, positive, negative.
    groups: int64 (N,), of rows that are anchors, −1 for none; others: (C,), of those that are positives and negatives.

    Raises: InputError where the groups of the rows are not given.
    """
    if groups is None or others is None:
        raise InputError(
            f"guards.same_group is {guards.same_group!r}, but no groups are given: give those that were mined with"
        )
    anchor, positive, negative = groups[rows[0]], others[rows[1]], others[rows[2]]
    refused = (anchor == negative) | ((anchor == positive) & (guards.same_group == "never-pair"))
    return refused & (anchor != NO_GROUP)
