"""The mining rule and its parameters."""

import math
from dataclasses import dataclass, field
from typing import Literal

from .errors import InputError
from .guards import Guards

PositiveSource = Literal["neighbours", "class"]


@dataclass(frozen=True, slots=True)
class MiningRule:
    """Which triplets (a, p, n) are mined: (k·d(a,p))² < d²(a,n) < d²(a,p) + m.

    Smart mining, Harwood et al., ICCV 2017 (arXiv 1704.01285), section 3: outside the exclusion boundary, and
    still active. S_a are the K nearest neighbours of the anchor.

    k_hardness: k, which multiplies the *unsquared* distance of the positive; 0 excludes nothing.
    margin: m, in units of d².
    triplets_per_anchor: the most triplets taken for one anchor.
    positives: from S_a only, or from the whole class with their true distances (needs the vectors).
    nearer_positive: a negative counts only when some known positive of the anchor is nearer than it.
    guards: conditions against false negatives, all off by default.
    """

    k_hardness: float = 1.0
    margin: float = 0.2
    triplets_per_anchor: int = 8
    positives: PositiveSource = "neighbours"
    nearer_positive: bool = True
    guards: Guards = field(default_factory=Guards)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k_hardness) and self.k_hardness >= 0):
            raise InputError(f"k_hardness is {self.k_hardness}, it must be finite and >= 0: about 1 is usual")
        if not (math.isfinite(self.margin) and self.margin > 0):
            raise InputError(f"margin is {self.margin}, it must be finite and > 0: 0.2 is usual")
        if self.triplets_per_anchor < 1:
            raise InputError(f"triplets_per_anchor is {self.triplets_per_anchor}, it must be at least 1")
        if self.positives not in ("neighbours", "class"):
            raise InputError(f"positives is {self.positives!r}: give 'neighbours' or 'class'")
        minimum = self.guards.minimum_margin_sq
        if minimum is not None and minimum >= self.margin:
            raise InputError(
                f"guards.minimum_margin_sq is {minimum} and margin is {self.margin}: no negative lies at "
                "least the one and less than the other beyond its positive, so lower minimum_margin_sq"
            )
