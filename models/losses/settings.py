"""Settings of the losses. Does not import torch, so that reading a run file stays fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from ..checks import check_settings

Margin = Annotated[float, Gt(0)] | Literal["soft"]
"""m of the hinge, in units of the gap; or "soft", which has no margin."""

Mean = Literal["all", "active"]
GlobalOver = Literal["triplets", "batch"]
Rivals = Literal["centroids", "rows_and_centroids"]
FirstCentres = Literal["zero", "normal"]
CentresOf = Literal["embeddings", "features"]
FirstVariances = Literal["equal", "drawn"]
Statistics = Literal["pairs", "matrix"]


@dataclass(frozen=True)
class LossSettings:
    """Base of the settings of all losses, which checks their limits. The class of each loss says what they mean.

    paper: values of the paper, or of its authors' code, that differ from our defaults.
    """

    paper: ClassVar[Mapping[str, Any]] = {}

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

    paper: ClassVar[Mapping[str, Any]] = {"relative": False}

    margin: Margin = "soft"
    relative: bool = True


@dataclass(frozen=True)
class BatchAllSettings(LossSettings):
    """See `BatchAllLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"margin": "soft", "mean": "all"}

    margin: Margin = 0.2
    mean: Mean = "active"


@dataclass(frozen=True)
class QuadrupletSettings(LossSettings):
    """See `QuadrupletLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"relative": False}

    w1: Annotated[float, Ge(0)] = 1.0
    w2: Annotated[float, Ge(0)] = 0.5
    metric_factor: Annotated[float, Gt(0)] = 1.0
    relative: bool = True


@dataclass(frozen=True)
class CentroidSettings(LossSettings):
    """See `CentroidTripletLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"squared": False, "rivals": "rows_and_centroids"}

    margin: Annotated[float, Gt(0)] = 0.5
    squared: bool = True
    rivals: Rivals = "centroids"


@dataclass(frozen=True)
class ClassificationSettings(LossSettings):
    """See `ClassificationLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"first_deviation": 0.001, "running": True}

    smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1
    first_deviation: Annotated[float, Gt(0)] | None = None
    running: bool = False


@dataclass(frozen=True)
class CentreSettings(LossSettings):
    """See `CentreLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"half": False, "first_centres": "normal", "of": "features"}

    centre_rate: Annotated[float, Gt(0), Le(1)] = 0.5
    half: bool = True
    first_centres: FirstCentres = "zero"
    of: CentresOf = "embeddings"


@dataclass(frozen=True)
class HistSettings(LossSettings):
    """See `HistLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {
        "network_factor": 10.0,
        "first_variances": "drawn",
        "distribution_decay": True,
    }

    tau: Annotated[float, Gt(0)] = 16.0
    alpha: Annotated[float, Gt(0)] = 2.0
    lambda_s: Annotated[float, Ge(0)] = 1.0
    hidden: Annotated[int, Ge(1)] = 512
    distribution_rate: Annotated[float, Gt(0)] = 0.01
    network_factor: Annotated[float, Gt(0)] = 5.0
    first_variances: FirstVariances = "equal"
    distribution_decay: bool = False


@dataclass(frozen=True)
class MdrSettings(LossSettings):
    """See `MdrLoss`."""

    paper: ClassVar[Mapping[str, Any]] = {"nu": 0.01, "statistics": "matrix"}

    levels: Annotated[tuple[float, ...], MinLen(1)] = (-3.0, 0.0, 3.0)
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    nu: Annotated[float, Ge(0)] = 0.0
    statistics: Statistics = "pairs"


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
class RankingSettings(LossSettings):
    """See `RankingLoss`."""

    margin: Annotated[float, Gt(0)] = 1.0
    beta: Annotated[float, Gt(0), Le(1)] = 0.5


@dataclass(frozen=True)
class LibrarySettings(LossSettings):
    """See `LibraryLoss`."""

    rate: Annotated[float, Gt(0)] | None = None
