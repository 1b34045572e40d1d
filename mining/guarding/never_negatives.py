"""Pairs of rows that the user says must not be each other's negatives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class PairLists:
    """Pairs in compressed sparse row form (CSR).

    starts: int64 (N + 1,). partners: int64 (nnz,); those of row i are ``partners[starts[i]:starts[i + 1]]``, ascending,
    without duplicates.
    """

    starts: NDArray[np.int64]
    partners: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def has(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool (P,): whether row ``left[i]`` is listed with ``right[i]``."""
        if not len(self.partners) or not len(left):
            return np.zeros(len(left), np.bool_)
        # Look up sorted (row, partner) keys. A partner ≥ width is never listed, and its key would be another's.
        width = int(self.partners.max()) + 1
        keys = np.repeat(np.arange(len(self)), np.diff(self.starts)) * width + self.partners
        wanted = left * width + right
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return (keys[at] == wanted) & (right < width)


def pair_lists(pairs: ArrayLike, rows: int, *, others: int | None = None) -> PairLists:
    """The partners of each row, from pairs in any order, which may be repeated.

    pairs: integers (M, 2). By default both columns are rows of one set of ``rows`` rows, and a pair holds in both
    directions. With ``others``, the second column is rows of another set with that many rows.

    Raises: InputError for another shape or dtype, rows that do not exist, or a row paired with itself.
    """
    array = np.asarray(pairs)
    if array.ndim != 2 or array.shape[1] != 2 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(
            f"never_negatives are {array.dtype} of shape {array.shape}: give integers of shape (M, 2), one pair of "
            "rows per line"
        )
    array = array.astype(np.int64)
    for column, limit in enumerate((rows, rows if others is None else others)):
        wrong = np.flatnonzero((array[:, column] < 0) | (array[:, column] >= limit))
        if len(wrong):
            raise InputError(
                f"never_negatives[{wrong[0]}] is {array[wrong[0]].tolist()}, but there are {limit} rows: number them "
                f"from 0 to {limit - 1}"
            )
    if others is None:
        alone = np.flatnonzero(array[:, 0] == array[:, 1])
        if len(alone):
            raise InputError(
                f"never_negatives[{alone[0]}] pairs row {array[alone[0], 0]} with itself: leave it out"
            )
        array = np.concatenate([array, array[:, ::-1]])
    array = np.unique(array, axis=0)
    starts = np.zeros(rows + 1, np.int64)
    np.cumsum(np.bincount(array[:, 0], minlength=rows), out=starts[1:])
    return PairLists(starts, np.ascontiguousarray(array[:, 1]))


def united(one: PairLists | None, other: PairLists | None) -> PairLists | None:
    """The union of two lists for the same set of rows; None if both are None."""
    if one is None or other is None:
        return other if one is None else one
    pairs = [
        np.stack([np.repeat(np.arange(len(each)), np.diff(each.starts)), each.partners], axis=1)
        for each in (one, other)
    ]
    return pair_lists(np.concatenate(pairs), len(one))
