"""Divide a review among the splits of a run, and apply it to their rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import DataError
from ..base import SPLITS, rows_named
from ..rows import RunRows
from .decisions import Review
from .effect import Label, ReviewCounts, dropping, require_known, split_label, without_effect


@dataclass(frozen=True, slots=True)
class SplitReview:
    """A review, divided among splits.

    by_split: the decisions that change rows of a split, or pairs within it. counts: of the whole review.
    new_labels: new labels of training rows that no training row had before.
    """

    by_split: Mapping[str, Review]
    counts: ReviewCounts
    new_labels: frozenset[str]


def review_of_splits(
    review: Review,
    rows: RunRows,
    *,
    name: str,
    separator: str | None,
    zero_shot: bool,
    held_out: bool,
    kept: bool,
) -> SplitReview:
    """Divide the decisions of a review among splits.

    name: of the review's file. separator: of several labels. zero_shot: whether splits have disjoint classes. held_out:
    whether to also change rows of validation and test. kept: whether decisions on `kept` rows matter, because suspects
    are excluded.
    Raises: DataError for the review of another data set and, if zero_shot, for labels of another split's classes.
    """
    keys = rows.table["key"].combine_chunks()
    row_of = rows_named(keys, review.keys)
    require_known(review, row_of, keys[0].as_py(), name)
    relabelled = {key: row for key, row in row_of.items() if key in review.relabelled}
    before = rows.table["label"].take(pa.array(list(relabelled.values()), pa.int64())).to_pylist()
    labels: dict[str, Label] = dict(zip(relabelled, before, strict=True))
    already = without_effect(review, labels, separator)
    effective = dropping(review, already)
    parts = {
        split: effective.of_rows(key for key, row in row_of.items() if row in rows.range(split))
        for split in SPLITS
    }
    applied = {split: parts[split] if held_out or split == SPLITS[0] else Review() for split in SPLITS}
    if zero_shot:
        _refuse_other_splits(applied, rows, separator, name)
    inside = sum(len(part) for part in parts.values())
    counts = ReviewCounts(
        relabelled=sum(len(part.relabelled) for part in applied.values()),
        excluded=sum(len(part.excluded) for part in applied.values()),
        never_negatives=sum(len(part.never_negatives) for part in applied.values()),
        kept=sum(len(part.kept) + len(part.kept_pairs) for part in applied.values()),
        already=len(already),
        unknown=len(review.keys - row_of.keys()),
        held_out=inside - sum(len(part) for part in applied.values()),
        across=sum(row_of.keys() >= set(pair) for pair in effective.pairs)
        - sum(len(part.pairs) for part in parts.values()),
    )
    there = rows.class_sizes(SPLITS[0]).keys()
    named = _labels(applied[SPLITS[0]], rows, separator)
    return SplitReview(
        by_split={split: part.changing(kept=kept and split == SPLITS[0]) for split, part in applied.items()},
        counts=counts,
        new_labels=frozenset(named - there),
    )


def _labels(review: Review, rows: RunRows, separator: str | None) -> set[str]:
    """All classes among the new labels."""
    found: set[str] = set()
    for label in review.relabelled.values():
        names = split_label(label, separator, several=rows.multi_label)
        found.update(names if isinstance(names, list) else [names])
    return found


def _refuse_other_splits(
    applied: Mapping[str, Review], rows: RunRows, separator: str | None, name: str
) -> None:
    for split, review in applied.items():
        named = _labels(review, rows, separator)
        for other in SPLITS:
            both = sorted(named & rows.class_sizes(other).keys()) if other != split else []
            if both:
                raise DataError(
                    f'the review {name} gives {split} rows the label "{both[0]}", a class of {other} (as are '
                    f'{len(both) - 1} more), but data.split = "zero-shot" needs disjoint classes: exclude those rows'
                )


def reviewed_rows_of(
    rows: RunRows, review: Review, split: str, separator: str | None
) -> tuple[RunRows, NDArray[np.bool_]]:
    """Apply a review to one split: relabel rows and drop excluded ones. Row ids are numbered anew.

    Returns the rows, and bool (rows of the split,): which of the split are left.
    """
    ids, table = rows.range(split), rows.table
    row_of = {key: ids[row] for key, row in rows_named(rows.column("key", split), review.rows).items()}
    there = np.ones(len(rows), np.bool_)
    there[[row for key, row in row_of.items() if key in review.excluded]] = False
    given = {row: review.relabelled[key] for key, row in row_of.items() if key in review.relabelled}
    labels = table["label"].combine_chunks()
    new = [split_label(label, separator, several=rows.multi_label) for label in given.values()]
    chosen = np.arange(len(rows))
    chosen[list(given)] = len(rows) + np.arange(len(new))
    labels = pa.concat_arrays([labels, pa.array(new, labels.type)]).take(pa.array(chosen))
    changed = table.set_column(table.schema.get_field_index("label"), "label", labels)
    left = changed.filter(pa.array(there))
    numbered = pa.array(np.arange(len(left)), type=pa.int64())
    return RunRows(left.set_column(0, "row", numbered)), there[ids.start : ids.stop]
