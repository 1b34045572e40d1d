"""Divide a review among the splits of a run, and apply it to their rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...errors import DataError
from ..base import SPLITS
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
    keys = {split: rows.keys_of(split) for split in SPLITS}
    everywhere = frozenset(key for split in SPLITS for key in keys[split])
    require_known(review, everywhere, name)
    labels: dict[str, Label] = {}
    for split in SPLITS:
        labels.update(zip(keys[split], rows.labels(split), strict=True))
    already = without_effect(review, labels, separator)
    effective = dropping(review, already)
    parts = {split: effective.of_rows(keys[split]) for split in SPLITS}
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
        unknown=len(review.keys - everywhere),
        held_out=inside - sum(len(part) for part in applied.values()),
        across=sum(everywhere.issuperset(pair) for pair in effective.pairs)
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


def reviewed_rows_of(rows: RunRows, review: Review, split: str, separator: str | None) -> RunRows:
    """Apply a review to one split: relabel rows and drop excluded ones. Row ids are numbered anew."""
    ids, table = rows.range(split), rows.table
    keys, labels = table["key"].to_pylist(), table["label"].to_pylist()
    there = np.ones(len(rows), np.bool_)
    for row in ids:
        there[row] = keys[row] not in review.excluded
        if keys[row] in review.relabelled:
            labels[row] = split_label(review.relabelled[keys[row]], separator, several=rows.multi_label)
    kind = table.schema.field("label").type
    changed = table.set_column(table.schema.get_field_index("label"), "label", pa.array(labels, type=kind))
    left = changed.filter(pa.array(there))
    numbered = pa.array(np.arange(len(left)), type=pa.int64())
    return RunRows(left.set_column(0, "row", numbered))
