"""Guards against false negatives: rows that mean the same but have different labels."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from .checks import check_limits
from .errors import InputError

REFUSALS = (
    "never_negative",
    "same_group",
    "duplicate",
    "distance",
    "rank_window",
    "percentile",
    "score_margin",
    "teacher",
)
"""Reasons to refuse a negative, in the order in which guards are checked; the teacher's comes after mining."""

SameGroup = Literal["never-negative", "never-pair"]


@dataclass(frozen=True)
class Guards:
    """Conditions on a negative in addition to the mining rule; ``None`` turns a guard off.

    A negative that the bare rule admits for some positive of the anchor, but a guard refuses, is counted once, under
    the first guard that refuses it. Known pairs that must not become negatives are data, not a setting: pass them to
    the miner as ``never_negatives``, which is checked before all guards. Likewise pass the rows' ``groups``.

    Attributes:
        duplicate_sq: Refuse a negative with d²(a,n) ≤ this, or d²(p,n) ≤ this for any known positive p of the anchor:
            probably the same thing under two labels. d²(p,n) is computed if ``mine`` is given the vectors. Otherwise it
            is looked up in the neighbour table, in the line of p or n (an approximate search may have missed it). If
            neither line tells, the negative is refused if it could be a copy by the triangle inequality, that is if
            |d(a,p) − d(a,n)| ≤ √duplicate_sq.
        rank_window: Keep only negatives whose 0-based rank in S_a lies in [first, stop).
        positive_percentile: Refuse a negative that is not farther than this percentile (0 to 100, linearly
            interpolated) of d² of the anchor's positives. 100 requires it to be farther than all known positives.
        minimum_margin_sq: Pair a negative only with positives for which d²(a,n) ≥ d²(a,p) + this. For unit vectors
            this is twice the margin in cosine similarity.
        relative_margin: Pair a negative only with positives for which s(a,n) ≤ s(a,p) − |s(a,p)|·this, where s is the
            cosine similarity 1 − d²/2; vectors must have unit norm. 0.05 admits similarities up to 95 % of the
            positive's.
        minimum_sq: Refuse negatives with a smaller d². For unit vectors, 2 − 2s refuses cosine similarities above s.
        maximum_sq: Refuse negatives with a greater d².
        same_group: How to treat rows of one group (a product, a document, a visit, a camera). "never-negative": they
            are never negatives of each other. "never-pair": they are never positives of each other, either, so that
            the encoder does not learn what the group has in common.
    """

    duplicate_sq: Annotated[float, Ge(0)] | None = None
    rank_window: tuple[int, int] | None = None
    positive_percentile: Annotated[float, Ge(0), Le(100)] | None = None
    minimum_margin_sq: Annotated[float, Ge(0)] | None = None
    relative_margin: Annotated[float, Ge(0), Le(1)] | None = None
    minimum_sq: Annotated[float, Ge(0)] | None = None
    maximum_sq: Annotated[float, Ge(0)] | None = None
    same_group: SameGroup | None = None

    def __post_init__(self) -> None:
        check_limits(self)
        if self.minimum_sq is not None and self.maximum_sq is not None and self.minimum_sq > self.maximum_sq:
            raise InputError(
                f"minimum_sq is {self.minimum_sq} and maximum_sq is {self.maximum_sq}: no distance lies between, lower "
                "minimum_sq"
            )
        if self.rank_window is not None:
            first, stop = self.rank_window
            if not 0 <= first < stop:
                raise InputError(
                    f"rank_window is [{first}, {stop}), which holds no rank: give 0 <= first < stop"
                )
