"""The effect of a review: counts of its decisions, and those without effect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from ...errors import DataError
from .decisions import Review

Label: TypeAlias = str | list[str]


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """Number of decisions of a review, by their effect.

    relabelled, excluded, never_negatives: decisions that are applied. kept: confirmed rows and pairs.
    already: rows that already have the new label. unknown: keys without a row.
    held_out: decisions on rows of validation and test that are not applied. across: pairs of rows of different splits,
    which are never compared.
    """

    relabelled: int = 0
    excluded: int = 0
    never_negatives: int = 0
    kept: int = 0
    already: int = 0
    unknown: int = 0
    held_out: int = 0
    across: int = 0

    def sentence(self, name: str) -> str:
        """The counts as a sentence, for people. The first three are always named, others only if above 0."""
        told = [
            f"{self.relabelled:,} rows relabelled, {self.excluded:,} excluded, {self.never_negatives:,} pairs never "
            "negatives"
        ]
        for count, what in (
            (self.kept, "kept as they are"),
            (self.already, "that have the label already"),
            (self.unknown, "keys that no row has"),
            (self.held_out, "of validation and test left as they are (data.review_held_out)"),
            (self.across, "pairs of rows that are not of one split"),
        ):
            told += [f"{count:,} {what}"] if count else []
        return f"{name}: {'; '.join(told)}"


def split_label(label: str, separator: str | None, *, several: bool) -> Label:
    """A review's label in the form of the rows' labels. several: whether rows may have several labels."""
    if not several:
        return label
    return label.split(separator) if separator else [label]


def without_effect(review: Review, labels: Mapping[str, Label], separator: str | None) -> frozenset[str]:
    """Keys of rows that already have their new label. labels: of the review's rows, by key."""
    return frozenset(
        key
        for key, label in review.relabelled.items()
        if key in labels
        and _same(labels[key], split_label(label, separator, several=isinstance(labels[key], list)))
    )


def _same(before: Label, after: Label) -> bool:
    return set(before) == set(after) if isinstance(before, list) else before == after


def dropping(review: Review, keys: frozenset[str]) -> Review:
    """The review without new labels for these rows."""
    rest = {key: label for key, label in review.relabelled.items() if key not in keys}
    return replace(review, relabelled=rest)


def require_known(review: Review, known: Collection[str], example: str, name: str) -> None:
    """Check that the review shares a key with the data. known: the review's keys that are in the data. example: one of
    the data's keys. Raises: DataError if the review belongs to another data set."""
    if len(review) and not known:
        raise DataError(
            f'no key of the review {name} (such as "{min(review.keys)[:50]}") is in the data, whose keys look like '
            f'"{example[:50]}": give the review of this data set, or none'
        )
