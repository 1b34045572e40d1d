"""Mine ranked pairs, "i better than j" and "i like j", that still violate the margin."""

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
    """The rule for mining ranked pairs: a pair is admissible if 0 < c and k² · c < 2m, where c is its hinge.

    c is m − f(i) + f(j) for "i better than j", and |f(i) − f(j)| − m for "i like j". This applies the smart mining of
    Harwood et al., ICCV 2017 (arXiv 1704.01285), section 3, to the pairs of Doughty et al., CVPR 2018 (arXiv
    1703.09913); the combination is ours. A pair with no hinge has no gradient. One with c ≥ 2m / k² is too hard for the
    present encoder, or mislabelled: at k = 1, every pair whose order is wrong by a margin or more. A smaller k admits
    harder pairs.

    k_hardness: k; 0 excludes nothing. margin: m, in units of the scores. pairs_per_row: pairs per first row at most,
    those with the nearest scores first.
    """

    k_hardness: Annotated[float, Ge(0)] = 1.0
    margin: Annotated[float, Gt(0)] = 1.0
    pairs_per_row: Annotated[int, Ge(1)] = 8

    def __post_init__(self) -> None:
        check_limits(self)


@dataclass(frozen=True, slots=True)
class RankedCounts:
    """Counts of mining pairs; they add up over disjoint rows.

    known: pairs given. violating: pairs with a positive hinge. too_hard: violating pairs that k excluded. pairs: pairs
    taken. rows: first rows of violating pairs. rows_with_pair: first rows of pairs taken. hinge_sum: sum of the hinges
    of pairs taken, in units of the scores.
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
        """Share of the rows with a violating pair that got one; 1 if no row has any."""
        return self.rows_with_pair / self.rows if self.rows else 1.0

    @property
    def mean_hinge(self) -> float:
        """Mean hinge of the pairs taken; 0 without any."""
        return self.hinge_sum / self.pairs if self.pairs else 0.0

    @staticmethod
    def total(parts: Sequence["RankedCounts"]) -> "RankedCounts":
        """The sum of counts, added in the order given."""
        names = [field.name for field in fields(RankedCounts)]
        return RankedCounts(**{name: sum(getattr(part, name) for part in parts) for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class MinedPairs:
    """Pairs taken. taken: int64 (T,), their positions among the pairs given, sorted by first row, then by |gap|.

    gaps: float32 (T,), f(first) − f(second). hinges: float32 (T,).
    """

    taken: NDArray[np.int64]
    gaps: NDArray[np.float32]
    hinges: NDArray[np.float32]
    counts: RankedCounts


def mine_ranked(
    pairs: NDArray[np.int64], alike: NDArray[np.bool_], scores: NDArray[np.float32], rule: RankedRule
) -> MinedPairs:
    """Take the pairs that violate the margin and are not too hard, nearest scores first.

    pairs: int64 (P, 2), rows; the first is better, or both are alike. All pairs of a first row must be in one call.
    alike: bool (P,). scores: float32 (N,), f of each row.

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
