"""Counts of mining a range of anchors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .guards import REFUSALS


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Triplets per class of the anchor; classes without a triplet are left out.

    classes: int32 (C,), class codes, ascending. triplets: int64 (C,).
    """

    classes: NDArray[np.int32]
    triplets: NDArray[np.int64]

    @staticmethod
    def of(codes: NDArray[np.int32]) -> "ClassCounts":
        """The counts of a column of class codes."""
        counts = np.bincount(codes)
        classes = np.flatnonzero(counts)
        return ClassCounts(classes.astype(np.int32), counts[classes].astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class MiningReport:
    """Counts over a range of anchors. Every field adds up over disjoint ranges.

    anchors: anchors in the range; anchors_excluded: those of them that were excluded.
    entries: neighbours read, without pads.
    anchors_without_neighbour_positive: anchors with no positive inside S_a.
    anchors_without_positive: anchors with no positive from the rule's source of positives.
    anchors_without_admissible_negative: anchors with a positive, but no negative that rule and guards admit.
    positives: (anchor, positive) pairs; positives_with_empty_interval: those for which
        (k·d(a,p))² ≥ d²(a,p) + m, so that no negative can be admissible.
    positives_of_group: (anchor, row) pairs of one class not taken as positives since they share a group
        (``same_group``).
    admissible: (anchor, negative) pairs admissible for at least one positive, before the cap.
    refused: (anchor, negative) pairs that the bare rule admits and a guard refuses, per guard.
    triplets: triplets kept; hinge: the sum of their hinges d²(a,p) + m − d²(a,n).
    triplets_by_class: per class of the anchor; with several classes per row, per class that anchor and positive share.
    """

    anchors: int = 0
    anchors_excluded: int = 0
    anchors_without_neighbour_positive: int = 0
    anchors_without_positive: int = 0
    anchors_without_admissible_negative: int = 0
    entries: int = 0
    positives: int = 0
    positives_with_empty_interval: int = 0
    positives_of_group: int = 0
    admissible: int = 0
    triplets: int = 0
    hinge: float = 0.0
    refused: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REFUSALS, 0))
    triplets_by_class: ClassCounts = field(
        default_factory=lambda: ClassCounts(np.empty(0, np.int32), np.empty(0, np.int64))
    )

    @property
    def anchors_with_triplet(self) -> int:
        """Number of anchors with at least one triplet."""
        return (
            self.anchors
            - self.anchors_excluded
            - self.anchors_without_positive
            - self.anchors_without_admissible_negative
        )

    @property
    def coverage(self) -> float:
        """Share of the anchors, without excluded ones, that have at least one triplet; 0 without anchors."""
        asked = self.anchors - self.anchors_excluded
        return self.anchors_with_triplet / asked if asked else 0.0

    @property
    def mean_hinge(self) -> float:
        """Mean hinge of the triplets, in units of d²; 0 without triplets."""
        return self.hinge / self.triplets if self.triplets else 0.0

    def counts(self) -> dict[str, Any]:
        """The counts for JSON, without ``triplets_by_class``, which has an entry per class."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _COUNTS}
        return plain | {"hinge": self.hinge, "refused": dict(self.refused)}

    def as_dict(self) -> dict[str, Any]:
        """The whole report for JSON."""
        classes, triplets = self.triplets_by_class.classes, self.triplets_by_class.triplets
        return self.counts() | {
            "triplets_by_class": {"class": classes.tolist(), "triplets": triplets.tolist()}
        }

    @staticmethod
    def from_counts(plain: Mapping[str, Any]) -> "MiningReport":
        """The report from the output of ``counts``, without ``triplets_by_class``.

        Guards that it does not name, and counts in ``_YOUNGER``, did not exist when it was written: they count 0.

        Raises: InputError that names the missing or unknown fields.
        """
        expected = {*_COUNTS, "hinge", "refused"}
        if set(plain) != expected and set(plain) != expected - _YOUNGER:
            wrong = ", ".join(sorted(set(plain) ^ expected))
            raise InputError(f"mining report has missing or unknown fields: {wrong}; mine again")
        numbers: dict[str, Any] = {name: int(plain.get(name, 0)) for name in _COUNTS}
        return MiningReport(
            **numbers,
            hinge=float(plain["hinge"]),
            refused={name: int(plain["refused"].get(name, 0)) for name in REFUSALS},
        )


_YOUNGER = {"positives_of_group"}
"""Counts that earlier versions did not write."""

_COUNTS = tuple(f.name for f in fields(MiningReport) if f.type is int)


def merge_reports(parts: Sequence[MiningReport]) -> MiningReport:
    """The report of all anchors, from reports of disjoint sets of anchors; all zeros for no reports."""
    codes = np.concatenate([part.triplets_by_class.classes for part in parts] or [np.empty(0, np.int32)])
    triplets = np.concatenate([part.triplets_by_class.triplets for part in parts] or [np.empty(0, np.int64)])
    classes, entry_of = np.unique(codes, return_inverse=True)
    summed = np.zeros(len(classes), np.int64)
    np.add.at(summed, entry_of, triplets)
    return MiningReport(
        **{name: sum(getattr(part, name) for part in parts) for name in _COUNTS},
        hinge=float(sum(part.hinge for part in parts)),
        refused={name: sum(part.refused[name] for part in parts) for name in REFUSALS},
        triplets_by_class=ClassCounts(classes.astype(np.int32), summed),
    )
