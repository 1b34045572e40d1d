"""Apply a review to rows: new labels, excluded rows, and pairs that are never negatives, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....mining.guarding.never_negatives import PairLists, pair_lists
from ....mining.labels import Labels, encode_labels
from ..base import encoded_labels, rows_named
from .decisions import Review
from .effect import split_label


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


def apply_review(review: Review, keys: pa.Array, labels: pa.Array, separator: str | None) -> Reviewed:
    """Apply a review to rows with these keys and labels, one each. Decisions on other rows are ignored.

    keys: string, unique. labels: string or list<string>. Only those of the review become Python objects.
    separator: of several labels in one string.
    """
    row_of = rows_named(keys, review.keys)
    pairs = [
        (row_of[key], row_of[other])
        for key, other in sorted(review.never_negatives)
        if key in row_of and other in row_of
    ]
    given = {row: review.relabelled[key] for key, row in row_of.items() if key in review.relabelled}
    before = encoded_labels(labels)
    several = pa.types.is_list(labels.type)
    new = [split_label(label, separator, several=several) for label in given.values()]
    return Reviewed(
        labels=_relabelled(before, np.fromiter(given, np.int64), encode_labels(new)) if new else before,
        excluded=_mask(review.excluded, row_of, len(keys)),
        kept=_mask(review.kept, row_of, len(keys)),
        never_negatives=pair_lists(np.array(pairs, np.int64), len(keys)) if pairs else None,
    )


def _mask(named: frozenset[str], row_of: Mapping[str, int], rows: int) -> NDArray[np.bool_] | None:
    found = [row_of[key] for key in named if key in row_of]
    if not found:
        return None
    mask = np.zeros(rows, np.bool_)
    mask[found] = True
    return mask


def _relabelled(before: Labels, rows: NDArray[np.int64], given: Labels) -> Labels:
    """The labels with those `given` for these rows, ascending."""
    names = (*before.names, *sorted(set(given.names) - set(before.names), key=str))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[name] for name in given.names], np.int32)[given.members]
    # Codes must ascend within a row.
    codes = codes[np.lexsort((codes, np.repeat(rows, _sizes(given))))]
    sizes, changes = _sizes(before), np.zeros(len(before), np.bool_)
    changes[rows] = True
    stays = np.repeat(~changes, sizes)
    sizes[rows] = _sizes(given)
    is_new = np.repeat(changes, sizes)
    members = np.empty(len(is_new), np.int32)
    members[~is_new], members[is_new] = before.members[stays], codes
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Labels(names, members, None if (sizes == 1).all() else offsets)


def _sizes(labels: Labels) -> NDArray[np.int64]:
    """The number of classes of each row."""
    return np.ones(len(labels), np.int64) if labels.offsets is None else np.diff(labels.offsets)
