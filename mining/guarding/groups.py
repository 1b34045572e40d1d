"""Groups of rows that come from the same product, document, visit or camera."""

import math
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

NO_GROUP = -1
"""The code of a row that belongs to no group."""


def group_codes(values: Iterable[object], *others: Iterable[object]) -> tuple[NDArray[np.int64], ...]:
    """Groups as codes, an int64 (N,) array for each set of rows; equal names have equal codes in all sets.

    values, others: an integer or a string per row; None, NaN or "" for a row without a group.

    Raises: InputError for other values, and for integers mixed with strings.
    """
    columns = [_plain(column) for column in (values, *others)]
    kinds: dict[type, object] = {}
    for value in chain(*columns):
        if value is None:
            continue
        if type(value) not in (int, str):
            raise InputError(
                f"group {value!r} is a {type(value).__name__}: give integers or strings, and None for rows of no group"
            )
        kinds.setdefault(type(value), value)
    if len(kinds) > 1:
        mixed = " and ".join(repr(value) for value in kinds.values())
        raise InputError(f"groups mix integers and strings ({mixed}): give one kind")
    code_of: dict[object, int] = {None: NO_GROUP}
    return tuple(
        np.array([code_of.setdefault(value, len(code_of) - 1) for value in column], np.int64)
        for column in columns
    )


def _plain(values: Iterable[object]) -> Sequence[object]:
    """The values as Python integers and strings, None for rows without a group."""
    listed = values.tolist() if isinstance(values, np.ndarray) else list(values)
    plain = (value.item() if isinstance(value, np.generic) else value for value in listed)
    return [None if value in (None, "") or _is_nan(value) else value for value in plain]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)
