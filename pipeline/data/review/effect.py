"""What a review changes among the rows of a split, and what of it changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ...errors import DataError
from .decisions import Review

Label: TypeAlias = str | list[str]


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """Rows and pairs that a review names, by what became of them.

    relabelled, excluded, never_negatives: of rows in use. kept: rows and pairs that were found right as they are.
    already: rows that have the label which the review gives them. unknown: keys that no row has.
    held_out: decisions on rows of validation and test that were left as they are. across: pairs of rows that are never
    compared, since they are not of one split.
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
        """For people; what does not occur is left out, but for what mining does with it."""
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
    """The label of a review as the rows have theirs. several: whether rows may have more than one."""
    if not several:
        return label
    return label.split(separator) if separator else [label]


def without_effect(review: Review, labels: Mapping[str, Label], separator: str | None) -> frozenset[str]:
    """Keys that are relabelled to what they have. labels: by key, of all rows."""
    return frozenset(
        key
        for key, label in review.relabelled.items()
        if key in labels
        and _same(labels[key], split_label(label, separator, several=isinstance(labels[key], list)))
    )


def _same(before: Label, after: Label) -> bool:
    return set(before) == set(after) if isinstance(before, list) else before == after


def dropping(review: Review, keys: frozenset[str]) -> Review:
    """The review without the relabelling of these rows."""
    rest = {key: label for key, label in review.relabelled.items() if key not in keys}
    return replace(review, relabelled=rest)


def require_known(review: Review, keys: Sequence[str] | frozenset[str], name: str) -> None:
    """Raises: DataError where no key of the review is one of the data: it is the review of another data set."""
    if len(review) and not review.keys & frozenset(keys):
        raise DataError(
            f'no key of the review {name} is one of the data (as "{min(review.keys)[:50]}"; keys there look like '
            f'"{next(iter(keys))[:50]}"): give the review of this data set, or none'
        )
