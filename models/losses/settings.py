"""What the losses can be told. Free of torch, so that a run file can be read at once."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from ..checks import check_settings

Margin = Annotated[float, Gt(0)] | Literal["soft"]
"""m of the hinge, in the unit of the gap; or "soft", which has no margin."""

Mean = Literal["all", "active"]
GlobalOver = Literal["triplets", "batch"]


@dataclass(frozen=True)
class LossSettings:
    """What the settings of all losses share: they are checked. What they mean is told with each loss."""

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class GlobalSettings(LossSettings):
    """See `GlobalLoss`."""

    t_global: Annotated[float, Ge(0)] = 0.4
    lambda_global: Annotated[float, Ge(0)] = 0.8
    global_over: GlobalOver = "triplets"


@dataclass(frozen=True)
class BatchHardSettings(LossSettings):
    """See `BatchHardLoss`."""

    margin: Margin = "soft"
    relative: bool = True


@dataclass(frozen=True)
class BatchAllSettings(LossSettings):
    """See `BatchAllLoss`."""

    margin: Margin = 0.2
    mean: Mean = "active"


@dataclass(frozen=True)
class QuadrupletSettings(LossSettings):
    """See `QuadrupletLoss`."""

    w1: Annotated[float, Ge(0)] = 1.0
    w2: Annotated[float, Ge(0)] = 0.5
    metric_factor: Annotated[float, Gt(0)] = 1.0
    relative: bool = True


@dataclass(frozen=True)
class CentroidSettings(LossSettings):
    """See `CentroidTripletLoss`."""

    margin: Annotated[float, Gt(0)] = 0.5


@dataclass(frozen=True)
class ClassificationSettings(LossSettings):
    """See `ClassificationLoss`."""

    smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1


@dataclass(frozen=True)
class CentreSettings(LossSettings):
    """See `CentreLoss`."""

    centre_rate: Annotated[float, Gt(0), Le(1)] = 0.5


@dataclass(frozen=True)
class HistSettings(LossSettings):
    """See `HistLoss`."""

    tau: Annotated[float, Gt(0)] = 16.0
    alpha: Annotated[float, Gt(0)] = 2.0
    lambda_s: Annotated[float, Ge(0)] = 1.0
    hidden: Annotated[int, Ge(1)] = 512
    distribution_rate: Annotated[float, Gt(0)] = 0.01
    network_factor: Annotated[float, Gt(0)] = 5.0


@dataclass(frozen=True)
class MdrSettings(LossSettings):
    """See `MdrLoss`."""

    levels: Annotated[tuple[float, ...], MinLen(1)] = (-3.0, 0.0, 3.0)
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9


@dataclass(frozen=True)
class LsepSettings(LossSettings):
    """See `LsepLoss`."""

    pairs: Annotated[int, Ge(1)] = 1000


@dataclass(frozen=True)
class HingeRankingSettings(LossSettings):
    """See `HingeRankingLoss`."""

    margin: Annotated[float, Gt(0)] = 1.0
    pairs: Annotated[int, Ge(1)] = 1000


@dataclass(frozen=True)
class LibrarySettings(LossSettings):
    """See `LibraryLoss`."""

    rate: Annotated[float, Gt(0)] | None = None
