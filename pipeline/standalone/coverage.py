"""Check whether anything can be mined, and explain why anchors got no triplet."""

import numpy as np
from numpy.typing import NDArray

from ...mining.errors import InputError
from ...mining.labels import Labels
from ...mining.report import MiningReport

_LOOSENED = {
    "never_negative": "pairs that are never negatives (leave these out)",
    "same_group": "--same-group (leave it out)",
    "duplicate": "--duplicate-sq (lower it)",
    "distance": "--minimum-sq and --maximum-sq (lower the one, or raise the other)",
    "rank_window": "--rank-window (widen it)",
    "percentile": "--positive-percentile (lower it)",
    "score_margin": "--minimum-margin-sq and --relative-margin (lower them)",
    "teacher": "--rescore (lower --teacher-margin and --teacher-absolute-margin)",
}


def check_minable(
    labels: Labels, vectors: NDArray[np.float32], excluded: NDArray[np.bool_] | None = None
) -> None:
    """Refuse data without any triplet, whatever the rule.

    labels, vectors: those of all rows, float32 (N, D). excluded: bool (N,), rows that are left out.
    Raises: InputError for a single class, a class that all rows have, no class with two rows, and vectors that are all
    equal.
    """
    sizes = labels.sizes(excluded)
    rows = len(labels) if excluded is None else int((~excluded).sum())
    there = np.flatnonzero(sizes)
    if len(there) == 1:
        raise InputError(
            f"all {rows:,} rows have the label {labels.names[there[0]]!r}: mining needs negatives, give at least 2 "
            "classes"
        )
    if sizes.max(initial=0) < 2:
        raise InputError(
            f"each of the {len(there):,} labels is that of one row, so that no anchor has a positive: give labels that "
            "rows share (a class, and not an id of the row)"
        )
    if sizes.max() == rows:
        raise InputError(
            f"all {rows:,} rows have the label {labels.names[sizes.argmax()]!r} among others, so that no anchor has a "
            "negative: leave that label out"
        )
    first = vectors[0 if excluded is None else int(np.argmin(excluded))]
    if _all_equal(vectors, first, excluded):
        raise InputError(
            f"all {rows:,} vectors are equal, so that no row is nearer than another: embed the items again, with an "
            "encoder that tells them apart"
        )


def _all_equal(
    vectors: NDArray[np.float32], first: NDArray[np.float32], excluded: NDArray[np.bool_] | None
) -> bool:
    step = 4096  # nearly always decided by the first block
    for start in range(0, len(vectors), step):
        block = slice(start, start + step)
        other = (vectors[block] != first).any(axis=1)
        if (other if excluded is None else other & ~excluded[block]).any():
            return False
    return True


def why_not_all(
    report: MiningReport, labels: Labels, neighbours: int, excluded: NDArray[np.bool_] | None = None
) -> list[str]:
    """Why anchors have no triplet: one sentence for each reason, with the option of `mine` that helps.

    neighbours: K of the search. excluded: bool (N,), rows that were left out.
    """
    asked = f"{report.anchors - report.anchors_excluded:,} anchors"
    alone = _alone(labels, excluded)
    unseen = report.anchors_without_positive - alone
    without_negative = report.anchors_without_admissible_negative
    reasons = []
    if alone:
        reasons.append(f"{alone:,} of {asked} are the only row of their class, and serve as negatives only")
    if unseen > 0:
        reasons.append(
            f"{unseen:,} of {asked} had no positive among their {neighbours:,} neighbours: raise --neighbours, or "
            "take positives from the whole class with --positives class"
        )
    if without_negative:
        every_other = neighbours >= report.anchors - report.anchors_excluded - 1
        reasons.append(
            f"{without_negative:,} of {asked} had a positive but no negative that the rule admits among "
            f"{'all other rows' if every_other else f'their {neighbours:,} neighbours'}: "
            f"{what_admits_more(every_other=every_other)}"
        )
    if without_negative and any(report.refused.values()):
        reasons.append(refused_by_guards(report))
    return reasons


def what_admits_more(*, every_other: bool) -> str:
    """The options of `mine` that admit more negatives. every_other: whether the neighbours are all other rows."""
    more = "" if every_other else ", more --neighbours other ones"
    return (
        "a larger --margin admits farther ones, a smaller --k-hardness nearer ones (below 1, --any-negative also those "
        f"nearer than every positive){more}"
    )


def refused_by_guards(report: MiningReport) -> str:
    """A sentence with the number of negatives that each guard refused, and the option of `mine` that loosens it."""
    told = [f"{count:,} by {_LOOSENED[name]}" for name, count in report.refused.items() if count]
    return f"guards refused negatives that the rule admits, {', '.join(told)}"


def _alone(labels: Labels, excluded: NDArray[np.bool_] | None) -> int:
    """Number of rows that share no class with another row."""
    single = labels.sizes(excluded)[labels.members] < 2
    alone = single if labels.offsets is None else np.logical_and.reduceat(single, labels.offsets[:-1])
    return int((alone if excluded is None else alone & ~excluded).sum())
