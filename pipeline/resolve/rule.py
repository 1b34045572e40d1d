"""From the run file's [mine] to the mining rule."""

from ...mining.guards import Guards
from ...mining.hardness.controller import ControllerSettings
from ...mining.rule import MiningRule
from ..runfile.work_specs import MineSpec


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


def controller_settings(spec: MineSpec) -> ControllerSettings:
    """The controller's knobs from [mine]. Raises: InputError for values that do not fit together."""
    return ControllerSettings(
        k_start=spec.k_start,
        k_end=spec.k_end,
        k_min=spec.k_min,
        k_max=spec.k_max,
        grid_points=spec.k_grid,
        k_step=spec.k_step,
        first_epochs=spec.k_first_epochs,
        dither=spec.k_dither,
        coverage_floor=spec.coverage_floor,
        ridge=spec.ridge,
        w_val=spec.w_val,
    )
