"""Guards against false negatives: rows of another label that mean the same."""

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
"""What a guard can refuse a negative for, in the order in which the guards are asked; the teacher after mining."""

SameGroup = Literal["never-negative", "never-pair"]


@dataclass(frozen=True)
class Guards:
    """Conditions on a negative beyond the mining rule; each is off when ``None``.

    A negative that the bare rule admits for some positive of the anchor, and that a guard refuses, is counted once,
    under the first guard that refuses it. Pairs that are never negatives are no setting but data: the argument
    ``never_negatives`` of the miner, asked before all others. So are the groups of rows, its argument ``groups``.

    Attributes:
        duplicate_sq: Refuse d²(a,n) ≤ this, and d²(p,n) ≤ this for any known positive p of the anchor: the same thing
            under two labels. d²(p,n) is that of the vectors where ``mine`` is given them. Else it is read from the
            rows of the neighbour table that p or n has there (what an approximate search missed, is missed); where
            these do not say, a negative that may be a copy by the triangle inequality, |d(a,p) − d(a,n)| ≤
            √duplicate_sq, is refused.
        rank_window: Keep only negatives whose 0-based rank in S_a lies in [first, stop).
        positive_percentile: Refuse negatives that are not farther than this percentile (0 to 100, linearly
            interpolated) of d² of the anchor's positives. 100 asks for a negative beyond all known positives.
        minimum_margin_sq: Pair a negative only with positives for which d²(a,n) ≥ d²(a,p) + this. For unit vectors, a
            margin of cosine scores is half of it.
        relative_margin: Pair a negative only with positives for which s(a,n) ≤ s(a,p) − |s(a,p)|·this, where s is the
            cosine, 1 − d²/2: vectors must have unit norm. 0.05 keeps scores up to 95 % of the positive's.
        minimum_sq: Refuse negatives nearer than this. Of unit vectors a cosine of at most s is a d² of at least 2 −
            2s.
        maximum_sq: Refuse negatives farther than this.
        same_group: What rows of one group (a product, a document, a visit, a camera) are to each other.
            "never-negative": no negatives. "never-pair": no positives, either, so that what is learnt is not what the
            group has in common.
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
