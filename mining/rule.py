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
    """The rule of smart mining: a triplet (a, p, n) is admissible if (k·d(a,p))² < d²(a,n) < d²(a,p) + m.

    Harwood et al., ICCV 2017 (arXiv 1704.01285), section 3: the negative lies outside the exclusion boundary, and the
    triplet loss is still active. S_a are the K nearest neighbours of the anchor.

    Attributes:
        k_hardness: k, which multiplies the *unsquared* distance of the positive; 0 excludes nothing.
        margin: m, in units of d².
        triplets_per_anchor: Triplets per anchor at most.
        positives: "neighbours" takes positives from S_a only; "class" takes all rows of the anchor's class, with their
            true distances, which needs the vectors.
        nearer_positive: Admit a negative only if some known positive of the anchor is nearer.
        guards: Conditions against false negatives, all off by default.
        order: Which of an anchor's admissible pairs to take. "farthest": positives from farthest to nearest, each with
            its nearest (hardest) unused admissible negatives. "random": positives in random order, each with random
            unused admissible negatives. An anchor uses a negative at most once.
        order_seed: Seed of order "random". The draw for an anchor depends only on the seed and the ids of the rows.
        negatives_per_positive: Triplets with the same anchor and positive at most; more than 1 suits anchors with few
            positives.
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
                f"guards.minimum_margin_sq is {minimum} and margin is {self.margin}: no negative can be as far beyond "
                "its positive as the one and less than the other, so lower minimum_margin_sq"
            )
