"""The section of the run file that says what training minimises."""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ...models.losses.settings import (
    BatchAllSettings,
    BatchHardSettings,
    CentreSettings,
    CentresOf,
    CentroidSettings,
    ClassificationSettings,
    FirstCentres,
    FirstVariances,
    GlobalOver,
    GlobalSettings,
    HingeRankingSettings,
    HistSettings,
    LibrarySettings,
    LossSettings,
    LsepSettings,
    Margin,
    MdrSettings,
    Mean,
    QuadrupletSettings,
    RankingSettings,
    Rivals,
    Statistics,
)
from .section import Section, execution, setting

LossName = Literal[
    "triplet",
    "global",
    "batch_hard",
    "batch_all",
    "quadruplet",
    "centroid",
    "classification",
    "centre",
    "hist",
    "mdr",
    "library",
    "lsep",
    "hinge_ranking",
    "binary_cross_entropy",
    "ranking",
    "value_regression",
]

OF_TRIPLETS: frozenset[LossName] = frozenset({"triplet", "global"})
"""Losses of the triplets that the batch rule finds; the others look at the whole batch."""
BESIDE_OTHERS: frozenset[LossName] = frozenset({"centre", "mdr"})
"""Losses that do not tell classes apart."""
OF_ONE_CLASS: frozenset[LossName] = frozenset({"classification", "centre", "hist", "library"})
"""Losses that need exactly one class a row; the others take rows as positives whose label sets meet."""
OF_LABELS: frozenset[LossName] = frozenset({"lsep", "hinge_ranking", "binary_cross_entropy"})
"""Losses that score the classes of the training split, of which a row may have several."""

OF_PAIRS: frozenset[LossName] = frozenset({"ranking", "value_regression"})
"""Losses that score items, of which data.pairs says which are better."""


class PaperSection(Section):
    """A section of a loss for which its paper, or the authors' code, has other settings than our defaults."""

    settings: ClassVar[type[LossSettings]]

    paper: bool = execution(False)
    """Whether keys that are not named are as the paper, or its authors' code, has them."""

    @model_validator(mode="after")
    def _of_paper(self) -> Self:
        return self.with_defaults(**self.settings.paper) if self.paper else self


class BatchHardSpec(PaperSection):
    """[loss.batch_hard]: of each row the farthest positive and the nearest negative (Hermans et al., 2017)."""

    settings: ClassVar[type[LossSettings]] = BatchHardSettings

    margin: Margin = setting(BatchHardSettings, "margin")
    """Of the hinge, in units of distance (not squared), or "soft" for ln(1 + exp(…)), which has none."""
    relative: bool = setting(BatchHardSettings, "relative")
    """Distances in units of the batch's root mean square, so that an untrained encoder does not draw all rows to one
    point; false: as they are, as in the paper."""


class BatchAllSpec(PaperSection):
    """[loss.batch_all]: every triplet of the batch (Hermans et al., 2017)."""

    settings: ClassVar[type[LossSettings]] = BatchAllSettings

    margin: Margin = setting(BatchAllSettings, "margin")
    """Of the hinge, in units of distance (not squared), or "soft", which suits encoder.normalise = false."""
    mean: Mean = setting(BatchAllSettings, "mean")
    """Over which triplets: all, or only those that cost something ("soft": all do)."""


class QuadrupletSpec(PaperSection):
    """[loss.quadruplet]: a learned distance, negatives pushed apart from each other, too (Chen et al., CVPR 2017)."""

    settings: ClassVar[type[LossSettings]] = QuadrupletSettings

    w1: float = setting(QuadrupletSettings, "w1")
    """Margin between an anchor's positives and negatives, as a share of the gap between the two kinds of pairs."""
    w2: float = setting(QuadrupletSettings, "w2")
    """The same between its positives and pairs of two other classes."""
    metric_factor: float = setting(QuadrupletSettings, "metric_factor")
    """Learning rate of the learned distance, as a multiple of train.learning_rate."""
    relative: bool = setting(QuadrupletSettings, "relative")
    """As of batch_hard."""


class CentroidSpec(PaperSection):
    """[loss.centroid]: triplets of a row and class centroids (Wieczorek et al., 2021)."""

    settings: ClassVar[type[LossSettings]] = CentroidSettings

    margin: float = setting(CentroidSettings, "margin")
    """α, in units of squared distance."""
    squared: bool = setting(CentroidSettings, "squared", as_before=True)
    """Squared distances, as in the paper; false: as in its authors' code."""
    rivals: Rivals = setting(CentroidSettings, "rivals", as_before="centroids")
    """The nearest negative is one of the other classes' "centroids", or of "rows_and_centroids", as in that code."""


class ClassificationSpec(PaperSection):
    """[loss.classification]: cross-entropy behind a batch normalisation (BNNeck; Luo et al., CVPRW 2019)."""

    settings: ClassVar[type[LossSettings]] = ClassificationSettings

    smoothing: float = setting(ClassificationSettings, "smoothing")
    """Share of a label that is spread over all classes."""
    first_deviation: float | None = setting(ClassificationSettings, "first_deviation", as_before=None)
    """Standard deviation of the classifier's first weights; by default torch's own."""
    running: bool = setting(ClassificationSettings, "running", as_before=False)
    """Keep running statistics, which evaluate.feature = "batch_normalised" needs, and by default then has."""


class CentreSpec(PaperSection):
    """[loss.centre]: pulls rows to the centre of their class (Wen et al., ECCV 2016)."""

    settings: ClassVar[type[LossSettings]] = CentreSettings

    centre_rate: float = setting(CentreSettings, "centre_rate")
    """Learning rate of the centres, by an SGD of their own."""
    half: bool = setting(CentreSettings, "half", as_before=True)
    """With the factor ½, as in the paper."""
    first_centres: FirstCentres = setting(CentreSettings, "first_centres", as_before="zero")
    """Where centres begin: at "zero", or drawn from a "normal" distribution."""
    of: CentresOf = setting(CentreSettings, "of", as_before="embeddings")
    """Of what they are the centres: "embeddings", or the "features" before those are made unit length."""


class HistSpec(PaperSection):
    """[loss.hist]: classes as distributions, batches as hypergraphs (Lim et al., CVPR 2022)."""

    settings: ClassVar[type[LossSettings]] = HistSettings

    tau: float = setting(HistSettings, "tau")
    """How sharply a row is told from the distributions of other classes; with alpha and distribution_rate as the paper
    has it for many classes. With few classes and a pretrained encoder: 32, 1.1 and 0.1."""
    alpha: float = setting(HistSettings, "alpha")
    """How fast a row leaves the hyperedges of other classes with its distance."""
    lambda_s: float = setting(HistSettings, "lambda_s")
    """Weight of the hypergraph network's cross-entropy."""
    hidden: int = setting(HistSettings, "hidden")
    """Width of the hypergraph network."""
    distribution_rate: float = setting(HistSettings, "distribution_rate")
    """Learning rate of means and variances; warm-up and schedule apply."""
    network_factor: float = setting(HistSettings, "network_factor")
    """Learning rate of the network, as a multiple of train.learning_rate."""
    first_variances: FirstVariances = setting(HistSettings, "first_variances", as_before="equal")
    """Whether the variances of the distributions begin "equal", or "drawn", as the authors have them."""
    distribution_decay: bool = setting(HistSettings, "distribution_decay", as_before=False)
    """Whether train.weight_decay applies to the distributions, as it does in the authors' code."""


class MdrSpec(PaperSection):
    """[loss.mdr]: draws all distances to a few levels, beside another loss (Kim & Park, AAAI 2021)."""

    settings: ClassVar[type[LossSettings]] = MdrSettings

    levels: tuple[float, ...] = setting(MdrSettings, "levels")
    """Where the learned levels begin, in standard deviations."""
    momentum: float = setting(MdrSettings, "momentum")
    """Share of the old mean and deviation in the new ones."""
    nu: float = setting(MdrSettings, "nu", as_before=0.0)
    """Weight of the sum of the squared levels."""
    statistics: Statistics = setting(MdrSettings, "statistics", as_before="pairs")
    """Mean and deviation are of all "pairs", or of the whole "matrix" of distances, diagonal and all."""


class LibrarySpec(Section):
    """[loss.library]: a loss of pytorch-metric-learning, or any module of (embeddings, class codes)."""

    factory: str | None = None
    """"module:Name", as in "pytorch_metric_learning.losses:ProxyAnchorLoss". It is given `num_classes` and
    `embedding_size` where it takes them."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Further keyword arguments of the factory."""
    rate: float | None = setting(LibrarySettings, "rate")
    """Learning rate of its own weights; by default train.learning_rate."""

    @model_validator(mode="after")
    def _module(self) -> "LibrarySpec":
        module, _, name = (self.factory or "module:Name").rpartition(":")
        if not (module and name) or module.endswith(".py"):
            raise ValueError(
                f'loss.library.factory is "{self.factory}" but must be "module:Name" of an importable module, so that '
                "every worker finds the same: put the file on the Python path and name its module"
            )
        return self


class LsepSpec(Section):
    """[loss.lsep]: a score for each class, a row's labels before all others (Li, Song & Luo, CVPR 2017)."""

    pairs: int = setting(LsepSettings, "pairs")
    """Of a label and another class, at most so many of a row; more are drawn."""


class HingeRankingSpec(Section):
    """[loss.hinge_ranking]: the same order of scores by a hinge, the baseline of that paper."""

    margin: float = setting(HingeRankingSettings, "margin")
    """By how much, in units of the scores."""
    pairs: int = setting(HingeRankingSettings, "pairs")
    """As of lsep."""


class RankingSpec(Section):
    """[loss.ranking]: a score by which the better item of a pair comes first (Doughty et al., CVPR 2018)."""

    margin: float = setting(RankingSettings, "margin")
    """By how much, in units of the score; items that are alike may differ as much. The pairs that are mined are those
    that violate it."""
    beta: float = setting(RankingSettings, "beta")
    """Weight of pairs with a better item; the other 1 - beta is that of pairs that are alike."""


class LossSpec(Section):
    """[loss]: losses and their weights; the parameters of each in a section of its name."""

    weights: dict[LossName, float] = Field(default={"triplet": 1.0, "global": 1.0}, min_length=1)
    """What is minimised: the sum of these losses, each times its weight. What is not named is left out."""
    triplets: Literal["auto", "semi_hard", "boundary", "stored", "both"] = "auto"
    """Which triplets of a batch "triplet" and "global" learn from. "auto": semi-hard ones where train.batches is
    "class_balanced", the stored ones where it is "triplets", else those of the k rule ("boundary"). "both": the stored
    ones and those of the k rule."""
    margin: float | None = Field(default=None, gt=0)
    """Of the triplets, in squared distance; by default mine.margin."""
    lambda_global: float = setting(GlobalSettings, "lambda_global")
    """"global": weight of the distance between the means, against the variances."""
    t_global: float = setting(GlobalSettings, "t_global")
    """"global": how far apart the means shall be, in quarters of the squared distance."""
    global_over: GlobalOver = setting(GlobalSettings, "global_over", as_before="triplets")
    """"global": over the pairs of the "triplets", or over all pairs of the "batch", which is the default where stored
    triplets are trained: their own means lie too near together for t_global, and the loss never lets go of them."""
    batch_hard: BatchHardSpec = BatchHardSpec()
    batch_all: BatchAllSpec = BatchAllSpec()
    quadruplet: QuadrupletSpec = QuadrupletSpec()
    centroid: CentroidSpec = CentroidSpec()
    classification: ClassificationSpec = ClassificationSpec()
    centre: CentreSpec = CentreSpec()
    hist: HistSpec = HistSpec()
    mdr: MdrSpec = MdrSpec()
    library: LibrarySpec = LibrarySpec()
    lsep: LsepSpec = LsepSpec()
    hinge_ranking: HingeRankingSpec = HingeRankingSpec()
    ranking: RankingSpec = RankingSpec()

    @property
    def of_labels(self) -> LossName | None:
        """The loss that scores classes, where there is one."""
        return next((name for name in self.weights if name in OF_LABELS), None)

    @property
    def of_pairs(self) -> LossName | None:
        """The loss that scores items, where there is one."""
        return next((name for name in self.weights if name in OF_PAIRS), None)

    @property
    def scoring(self) -> LossName | None:
        """The loss that scores classes or items, where there is one."""
        return self.of_labels or self.of_pairs

    @property
    def of_triplets(self) -> bool:
        """Whether any of the losses learns from the triplets of the batch rule."""
        return not OF_TRIPLETS.isdisjoint(self.weights)

    @property
    def _unused(self) -> frozenset[str]:
        """Sections of losses that are left out."""
        sections = (name for name in type(self).model_fields if isinstance(getattr(self, name), Section))
        return frozenset(sections).difference(self.weights)

    @model_serializer(mode="wrap")
    def _without_unused(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What a run records must not go out of date with the defaults of losses that it never had.
        return {key: value for key, value in whole(self).items() if key not in self._unused}

    def result_keys(self) -> dict[str, Any]:
        """See Section.result_keys; without the losses that are left out."""
        return {key: value for key, value in super().result_keys().items() if key not in self._unused}

    @model_validator(mode="after")
    def _used(self) -> "LossSpec":
        named = ", ".join(self.weights)
        for name, weight in self.weights.items():
            if weight <= 0:
                raise ValueError(
                    f"loss.weights.{name} is {weight} but must be above 0: raise it, or leave {name} out"
                )
        for name in sorted(self._unused):
            section = getattr(self, name)
            if section != type(section)():
                key, value = next(iter(section.model_dump(exclude_defaults=True).items()))
                raise ValueError(
                    f"loss.{name}.{key} is {value!r} but loss.weights names only {named}: add {name} to the weights, "
                    "or remove the key"
                )
        if BESIDE_OTHERS.issuperset(self.weights):
            raise ValueError(
                f"loss.weights names only {named}, which would draw all rows to one point, whatever their class: add "
                "a loss that tells classes apart, as triplet = 1"
            )
        if len(scoring := sorted(OF_LABELS.intersection(self.weights))) > 1:
            raise ValueError(
                f"loss.weights names {' and '.join(scoring)}, each of which would give the classes scores of its own: "
                "choose one of them"
            )
        if self.of_pairs and len(self.weights) > 1:
            raise ValueError(
                f"loss.weights names {named}, but {self.of_pairs} learns from ranked pairs, which bring no classes to "
                f"tell apart and no other score: leave {self.of_pairs} alone, or leave it out"
            )
        if "library" in self.weights and self.library.factory is None:
            raise ValueError(
                "loss.weights names library but loss.library.factory is missing: name the loss, as in "
                '"pytorch_metric_learning.losses:ProxyAnchorLoss"'
            )
        return self
