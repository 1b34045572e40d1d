"""Read the user's files for mining: vectors, and the rows to be mined, in the same way as a run."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.labels import Labels
from ...mining.vectors import unit_vectors
from ..data.arrays import Arrays
from ..data.base import SPLITS, encoded_groups, encoded_labels, rows_named, split_called, split_codes
from ..data.review.apply import Reviewed, apply_review
from ..data.review.decisions import Review
from ..data.review.effect import ReviewCounts, dropping, require_known, without_effect
from ..data.rows import check_keys
from ..data.vectors import read_values
from ..errors import DataError, SpecError
from ..storage.publish import fsync_file
from ..storage.vector_file import VectorFile

ALL = "all"
"""Value of `split` that mines every row."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """The N rows of a file, and which of them are mined.

    labels, keys: those of all N rows. groups: int64 (N,), −1 for no group; None for a table without a column "group".
    mined: int64 (M,), ascending, the rows to mine. left_out: number of other rows by split.
    """

    labels: Labels
    keys: pa.Array
    groups: NDArray[np.int64] | None
    mined: NDArray[np.int64]
    left_out: Mapping[str, int]

    @property
    def excluded(self) -> NDArray[np.bool_] | None:
        """bool (N,): the rows that are left out; None if all are mined."""
        if len(self.mined) == len(self.labels):
            return None
        mask = np.ones(len(self.labels), np.bool_)
        mask[self.mined] = False
        return mask


def read_file_rows(source: Arrays, split: str | None) -> FileRows:
    """Read labels and keys of all rows, and choose the rows to mine.

    split: "train", "validation", "test" or "all"; None: the training rows of a table that has splits, else all.
    Raises: DataError, as a run does; SpecError for a split that the table does not have.
    """
    rows = source.rows
    subject = source.labels or source.location
    check_keys(rows.keys, subject=subject)
    labels = encoded_labels(rows.labels)
    groups = None if rows.groups is None else encoded_groups(rows.groups)
    wanted = ALL if split == ALL else None if split is None else split_called(split)
    if split is not None and wanted is None:
        raise SpecError(
            f"split is {split!r} but must be one of {', '.join((*SPLITS, ALL))}: choose one of them"
        )
    if rows.splits is None or wanted == ALL:
        if wanted not in (None, ALL):
            raise SpecError(f'split is {split!r} but {subject} has no column "split": leave it out')
        return FileRows(labels, rows.keys, groups, np.arange(len(labels), dtype=np.int64), {})
    wanted = wanted or SPLITS[0]
    splits = split_codes(rows.splits)
    sizes = np.bincount(splits, minlength=len(SPLITS)).tolist()
    counts = Counter({name: size for name, size in zip(SPLITS, sizes, strict=True) if size})
    if not counts[wanted]:
        there = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
        raise SpecError(f"{subject} has no {wanted} rows (it has {there}): choose others with --split")
    mined = np.flatnonzero(splits == SPLITS.index(wanted)).astype(np.int64)
    del counts[wanted]
    return FileRows(labels, rows.keys, groups, mined, dict(sorted(counts.items())))


def reviewed_file_rows(rows: FileRows, source: Arrays, review: Review) -> Reviewed:
    """The rows with the review applied."""
    if not len(review):
        return Reviewed(rows.labels)
    return apply_review(review, rows.keys, source.rows.labels, source.label_separator)


def count_review(rows: FileRows, source: Arrays, review: Review, name: str) -> ReviewCounts:
    """Count the effects of the review on the mined rows. Raises: DataError if it belongs to other data."""
    row_of = rows_named(rows.keys, review.keys)
    require_known(review, row_of, rows.keys[0].as_py(), name)
    labels = dict(
        zip(
            row_of,
            source.rows.labels.take(pa.array(list(row_of.values()), pa.int64())).to_pylist(),
            strict=True,
        )
    )
    already = without_effect(review, labels, source.label_separator)
    effective = dropping(review, already)
    is_mined = np.zeros(len(rows.keys), np.bool_)
    is_mined[rows.mined] = True
    mined = effective.of_rows(key for key, row in row_of.items() if is_mined[row])
    known = effective.of_rows(row_of)
    return ReviewCounts(
        relabelled=len(mined.relabelled),
        excluded=len(mined.excluded),
        never_negatives=len(mined.never_negatives),
        kept=len(mined.kept) + len(mined.kept_pairs),
        already=len(already),
        unknown=len(review.keys - labels.keys()),
        held_out=len(known.rows) - len(mined.rows),
        across=len(known.pairs) - len(mined.pairs),
    )


def either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """The union of two masks, each of which may be None; None if both are."""
    if one is None or other is None:
        return other if one is None else one
    return one | other


_BLOCK_VALUES = 1 << 24
"""Number of values read at once when vectors are copied into a file."""


def read_vectors(
    source: Arrays,
    *,
    normalised: bool,
    rows: NDArray[np.int64] | None = None,
    keep: Path | None = None,
) -> NDArray[np.float32]:
    """Vectors float32 (N, D) of unit norm; with `rows`, int64 (S,), only those of these rows.

    normalised: scale the vectors to unit norm. keep: copy them block by block into a `VectorFile` at this path, and
    return them memory-mapped.

    Raises: DataError for files that cannot be read; InputError for values that are not finite, and for vectors that are
    not of unit norm without `normalised`.
    """
    if len(source.item_shape) != 1:
        raise DataError(
            f"{source.location} has items of shape {source.item_shape}, but vectors (N, D) are mined: give those that "
            "an encoder makes of them"
        )
    into = None if keep is None else _kept(source, keep)
    stored = into
    if stored is None:
        stored = source.read_stored() if rows is None else source.read(rows)
    vectors = unit_vectors(
        stored, normalised=normalised, name=source.location, remedy="give --normalise", into=into
    )
    if keep is not None:
        fsync_file(keep)
    return vectors


def _kept(source: Arrays, path: Path) -> NDArray[np.float32]:
    rows, width = len(source), source.item_shape[0]
    into = VectorFile(path, rows, width).mapped("w+")
    step = max(1, _BLOCK_VALUES // width)
    for start in range(0, rows, step):
        block = read_values(source.content, source.location, slice(start, min(start + step, rows)))
        with np.errstate(
            over="ignore"
        ):  # a float64 beyond float32 becomes inf, which is refused later with its row
            into[start : start + len(block)] = block
    return into
