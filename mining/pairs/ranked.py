"""Pairs "i better than j" and "i like j": which of them still teach, over the whole training set."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from ..checks import check_limits
from ..errors import InputError


@dataclass(frozen=True)
class RankedRule:
    """Which pairs are mined: 0 < c and k² · c < 2m, where c is what the pair costs.

    The smart mining of Harwood et al., ICCV 2017 (arXiv 1704.01285), section 3, carried over from triplets to the pairs
    of Doughty et al., CVPR 2018 (arXiv 1703.09913) (our choice). c is m − f(i) + f(j) of "i better than j", and
    |f(i) − f(j)| − m of "i like j". A pair that costs nothing teaches nothing. One that costs 2m / k² or more is too
    hard for the encoder as it is, or wrong: at k = 1, all whose order is wrong by a margin or more. As k shrinks, these
    come in.

    k_hardness: k; 0 excludes nothing. margin: m, in units of the scores. pairs_per_row: the most pairs in which a row
    is the first, those of the nearest scores before others.
    """

    k_hardness: Annotated[float, Ge(0)] = 1.0
    margin: Annotated[float, Gt(0)] = 1.0
    pairs_per_row: Annotated[int, Ge(1)] = 8

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, slots=True)
class RankedCounts:
    """What mining some rows counted; counts of several are added up.

    known: that were looked at. violating: those that cost something. too_hard: of these, those that k excluded.
    pairs: those that were taken. rows: that are the first of a violating pair; rows_with_pair: of one that was taken.
    hinge_sum: of the pairs taken, in units of the scores.
    """

    known: int = 0
    violating: int = 0
    too_hard: int = 0
    pairs: int = 0
    rows: int = 0
    rows_with_pair: int = 0
    hinge_sum: float = 0.0

    @property
    def coverage(self) -> float:
        """Share of the rows with a violating pair that keep one; 1 where no row has any."""
        return self.rows_with_pair / self.rows if self.rows else 1.0

    @property
    def mean_hinge(self) -> float:
        """Of the pairs taken; 0 without any."""
        return self.hinge_sum / self.pairs if self.pairs else 0.0

    @staticmethod
    def total(parts: Sequence["RankedCounts"]) -> "RankedCounts":
        """The sum, in the order given."""
        names = [field.name for field in fields(RankedCounts)]
        return RankedCounts(**{name: sum(getattr(part, name) for part in parts) for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class MinedPairs:
    """taken: int64 (T,), places among the pairs given, by the first row, then by how near the scores are.

    gaps: float32 (T,), f(first) − f(second). hinges: float32 (T,), what each costs.
    """

    taken: NDArray[np.int64]
    gaps: NDArray[np.float32]
    hinges: NDArray[np.float32]
    counts: RankedCounts


def mine_ranked(
    pairs: NDArray[np.int64], alike: NDArray[np.bool_], scores: NDArray[np.float32], rule: RankedRule
) -> MinedPairs:
    """The pairs that still violate the margin and are not too hard, nearest scores first.

    pairs: int64 (P, 2), rows, the first better or both alike; the same first row in one call only. alike: bool (P,).
    scores: f, float32 (N,), by row.
    Raises: InputError for a score that is not finite.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    gaps = (scores[first] - scores[second]).astype(np.float32)
    if not np.isfinite(gaps).all():
        raise InputError(
            f"scores of row {int(first[~np.isfinite(gaps)][0])} or its partner are not finite: give finite ones"
        )
    hinges = np.where(alike, np.abs(gaps) - np.float32(rule.margin), np.float32(rule.margin) - gaps)
    violating = hinges > 0
    admissible = violating & (rule.k_hardness**2 * hinges < 2 * rule.margin)
    places = np.flatnonzero(admissible)
    places = places[np.lexsort((second[places], np.abs(gaps[places]), first[places]))]
    _, start, size = np.unique(first[places], return_index=True, return_counts=True)
    rank = np.arange(len(places)) - np.repeat(start, size)
    taken = places[rank < rule.pairs_per_row]
    counts = RankedCounts(
        known=len(pairs),
        violating=int(violating.sum()),
        too_hard=int((violating & ~admissible).sum()),
        pairs=len(taken),
        rows=len(np.unique(first[violating])),
        rows_with_pair=len(start),
        hinge_sum=float(hinges[taken].sum(dtype=np.float64)),
    )
    return MinedPairs(taken, gaps[taken], hinges[taken].astype(np.float32, copy=False), counts)
