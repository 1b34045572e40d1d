"""From the run file's [mine] to the mining rule."""

from ..mining.guards import Guards
from ..mining.rule import MiningRule
from .runfile.work_specs import MineSpec


def mining_rule(spec: MineSpec, k_hardness: float) -> MiningRule:
    """The rule of [mine] with an epoch's k."""
    return MiningRule(
        k_hardness=k_hardness,
        margin=spec.margin,
        triplets_per_anchor=spec.triplets_per_anchor,
        positives=spec.positives,
        nearer_positive=spec.nearer_positive,
        guards=Guards(**dict(spec.guards)),
    )
