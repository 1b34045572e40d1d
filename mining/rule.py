"""The mining rule and its parameters."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt

from .checks import check_limits
from .errors import InputError
from .guards import Guards

PositiveSource = Literal["neighbours", "class"]
Order = Literal["farthest", "random"]


@dataclass(frozen=True)
class MiningRule:
    """Which triplets (a, p, n) are mined: (k·d(a,p))² < d²(a,n) < d²(a,p) + m.

    Smart mining, Harwood et al., ICCV 2017 (arXiv 1704.01285), section 3: outside the exclusion boundary, and still
    active. S_a are the K nearest neighbours of the anchor.

    Attributes:
        k_hardness: k, which multiplies the *unsquared* distance of the positive; 0 excludes nothing.
        margin: m, in units of d².
        triplets_per_anchor: The most triplets taken for one anchor.
        positives: From S_a only ("neighbours"), or from the whole "class" with their true distances, which needs the
            vectors.
        nearer_positive: A negative counts only when some known positive of the anchor is nearer than it.
        guards: Conditions against false negatives, all off by default.
        order: Which of an anchor's admissible pairs are taken. "farthest": its positives from farthest to nearest,
            each with the nearest unused admissible negatives, the hardest there are. "random": positives in random
            order, each with random ones of these. A negative is used at most once for one anchor.
        order_seed: Of "random"; what is drawn for an anchor depends on it and on the ids of the rows, on nothing
            else.
        negatives_per_positive: The most triplets with the same anchor and positive; more than 1 suits anchors with
            few positives.
    """

    k_hardness: Annotated[float, Ge(0)] = 1.0
    margin: Annotated[float, Gt(0)] = 0.2
    triplets_per_anchor: Annotated[int, Ge(1)] = 8
    positives: PositiveSource = "neighbours"
    nearer_positive: bool = True
    guards: Guards = field(default_factory=Guards)
    order: Order = "farthest"
    order_seed: Annotated[int, Ge(0)] = 0
    negatives_per_positive: Annotated[int, Ge(1)] = 1

    def __post_init__(self) -> None:
        check_limits(self)
        minimum = self.guards.minimum_margin_sq
        if minimum is not None and minimum >= self.margin:
            raise InputError(
                f"guards.minimum_margin_sq is {minimum} and margin is {self.margin}: no negative lies at "
                "least the one and less than the other beyond its positive, so lower minimum_margin_sq"
            )
