"""Apply a review to rows: new labels, excluded rows, and pairs that are never negatives, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....mining.guarding.never_negatives import PairLists, pair_lists
from ....mining.labels import Labels, encode_labels
from .decisions import Review
from .effect import Label, split_label


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """N rows after a review.

    labels: classes keep their codes, even if they have lost all their rows; new classes follow those of the data.
    excluded: bool (N,), rows that are left out, or None. kept: bool (N,), rows whose label was confirmed and which are
    no suspects, or None. never_negatives: pairs, or None.
    """

    labels: Labels
    excluded: NDArray[np.bool_] | None = None
    kept: NDArray[np.bool_] | None = None
    never_negatives: PairLists | None = None


def apply_review(
    review: Review, keys: Sequence[str], labels: Sequence[Label], separator: str | None
) -> Reviewed:
    """Apply a review to rows with these keys and labels, one each. Decisions on other rows are ignored.

    separator: of several labels in one string.
    """
    row_of = {key: row for row, key in enumerate(keys)}
    pairs = [
        (row_of[key], row_of[other])
        for key, other in sorted(review.never_negatives)
        if key in row_of and other in row_of
    ]
    return Reviewed(
        labels=_labels(review.relabelled, row_of, labels, separator),
        excluded=_mask(review.excluded, row_of),
        kept=_mask(review.kept, row_of),
        never_negatives=pair_lists(np.array(pairs, np.int64), len(keys)) if pairs else None,
    )


def _mask(named: frozenset[str], row_of: Mapping[str, int]) -> NDArray[np.bool_] | None:
    rows = [row_of[key] for key in named if key in row_of]
    if not rows:
        return None
    mask = np.zeros(len(row_of), np.bool_)
    mask[rows] = True
    return mask


def _labels(
    relabelled: Mapping[str, str],
    row_of: Mapping[str, int],
    labels: Sequence[Label],
    separator: str | None,
) -> Labels:
    before = encode_labels(labels)
    changed = {row_of[key]: label for key, label in relabelled.items() if key in row_of}
    if not changed:
        return before
    several = not isinstance(labels[0], str)
    given = {row: split_label(label, separator, several=several) for row, label in changed.items()}
    new = list(labels)
    for row, label in given.items():
        new[row] = label
    after = encode_labels(new)
    names = (*before.names, *sorted(set(after.names) - set(before.names), key=str))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[name] for name in after.names], np.int32)[after.members]
    if after.offsets is not None:
        # Codes must ascend within a row.
        row = np.repeat(np.arange(len(after)), np.diff(after.offsets))
        codes = codes[np.lexsort((codes, row))]
    return Labels(names, codes, after.offsets)
