"""The section of the run file that defines the training loss."""

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
"""Losses over the triplets that the batch rule selects; the others use the whole batch."""
BESIDE_OTHERS: frozenset[LossName] = frozenset({"centre", "mdr"})
"""Losses that do not separate classes, so they need another loss beside them."""
OF_ONE_CLASS: frozenset[LossName] = frozenset({"classification", "centre", "hist", "library"})
"""Losses that need exactly one class per row; the others treat two rows that share a label as positives."""
OF_LABELS: frozenset[LossName] = frozenset({"lsep", "hinge_ranking", "binary_cross_entropy"})
"""Losses that score the classes of the training split; a row may have several classes."""

OF_PAIRS: frozenset[LossName] = frozenset({"ranking", "value_regression"})
"""Losses that score items, which data.pairs ranks."""


class PaperSection(Section):
    """The section of a loss whose paper, or authors' code, uses settings other than our defaults."""

    settings: ClassVar[type[LossSettings]]

    paper: bool = execution(False)
    """Take the settings of the paper, or of its authors' code, for all keys that are not set here."""

    @model_validator(mode="after")
    def _of_paper(self) -> Self:
        return self.with_defaults(**self.settings.paper) if self.paper else self


class BatchHardSpec(PaperSection):
    """[loss.batch_hard]: for each row, its farthest positive and nearest negative (Hermans et al., 2017)."""

    settings: ClassVar[type[LossSettings]] = BatchHardSettings

    margin: Margin = setting(BatchHardSettings, "margin")
    """Margin of the hinge, in units of distance (not squared); "soft": ln(1 + exp(…)) instead of a hinge."""
    relative: bool = setting(BatchHardSettings, "relative")
    """Divide distances by the batch's root mean square, so that an untrained encoder does not collapse all rows to one
    point. The paper does not (false)."""


class BatchAllSpec(PaperSection):
    """[loss.batch_all]: every triplet of the batch (Hermans et al., 2017)."""

    settings: ClassVar[type[LossSettings]] = BatchAllSettings

    margin: Margin = setting(BatchAllSettings, "margin")
    """Margin of the hinge, in units of distance (not squared), or "soft", which suits encoder.normalise = false."""
    mean: Mean = setting(BatchAllSettings, "mean")
    """Average over "all" triplets, or over "active" ones, whose loss is above 0 (with margin = "soft": all)."""


class QuadrupletSpec(PaperSection):
    """[loss.quadruplet]: a learned distance; also pushes pairs of negatives apart (Chen et al., CVPR 2017)."""

    settings: ClassVar[type[LossSettings]] = QuadrupletSettings

    w1: float = setting(QuadrupletSettings, "w1")
    """Margin between positive and negative pairs of one anchor, as a share of the mean gap between the two kinds."""
    w2: float = setting(QuadrupletSettings, "w2")
    """Margin between the anchor's positive pairs and pairs of two other classes, as a share of the same gap."""
    metric_factor: float = setting(QuadrupletSettings, "metric_factor")
    """Learning rate of the learned distance, as a multiple of train.learning_rate."""
    relative: bool = setting(QuadrupletSettings, "relative")
    """See loss.batch_hard."""


class CentroidSpec(PaperSection):
    """[loss.centroid]: triplets of a row and two class centroids (Wieczorek et al., 2021)."""

    settings: ClassVar[type[LossSettings]] = CentroidSettings

    margin: float = setting(CentroidSettings, "margin")
    """Margin α, in units of squared distance."""
    squared: bool = setting(CentroidSettings, "squared", as_before=True)
    """Square the distances, as in the paper; its authors' code does not."""
    rivals: Rivals = setting(CentroidSettings, "rivals", as_before="centroids")
    """Where the nearest negative is searched: among other classes' "centroids", or among their "rows_and_centroids", as
    in the authors' code."""


class ClassificationSpec(PaperSection):
    """[loss.classification]: cross-entropy after a batch normalisation (BNNeck; Luo et al., CVPRW 2019)."""

    settings: ClassVar[type[LossSettings]] = ClassificationSettings

    smoothing: float = setting(ClassificationSettings, "smoothing")
    """Label smoothing: share of a label that is spread over all classes."""
    first_deviation: float | None = setting(ClassificationSettings, "first_deviation", as_before=None)
    """Standard deviation of the classifier's initial weights; by default torch's initialisation."""
    running: bool = setting(ClassificationSettings, "running", as_before=False)
    """Keep running statistics of the batch normalisation. evaluate.feature = "batch_normalised" needs them and turns
    them on."""


class CentreSpec(PaperSection):
    """[loss.centre]: pulls rows towards the centre of their class (Wen et al., ECCV 2016)."""

    settings: ClassVar[type[LossSettings]] = CentreSettings

    centre_rate: float = setting(CentreSettings, "centre_rate")
    """Learning rate of the centres, which have their own SGD."""
    half: bool = setting(CentreSettings, "half", as_before=True)
    """Multiply the loss by ½, as in the paper."""
    first_centres: FirstCentres = setting(CentreSettings, "first_centres", as_before="zero")
    """Initial centres: "zero", or drawn from a "normal" distribution."""
    of: CentresOf = setting(CentreSettings, "of", as_before="embeddings")
    """The vectors whose centres are learned: "embeddings", or "features", which are not yet scaled to unit length."""


class HistSpec(PaperSection):
    """[loss.hist]: classes as distributions, batches as hypergraphs (Lim et al., CVPR 2022)."""

    settings: ClassVar[type[LossSettings]] = HistSettings

    tau: float = setting(HistSettings, "tau")
    """Scale of the softmax over the distances to the class distributions. The defaults of tau, alpha and
    distribution_rate are the paper's for many classes; for few classes and a pretrained encoder it has 32, 1.1 and
    0.1."""
    alpha: float = setting(HistSettings, "alpha")
    """How fast a row's membership in other classes' hyperedges falls with distance: exp(−alpha · distance)."""
    lambda_s: float = setting(HistSettings, "lambda_s")
    """Weight of the hypergraph network's cross-entropy."""
    hidden: int = setting(HistSettings, "hidden")
    """Hidden width of the hypergraph network."""
    distribution_rate: float = setting(HistSettings, "distribution_rate")
    """Learning rate of the means and variances; warm-up and schedule apply."""
    network_factor: float = setting(HistSettings, "network_factor")
    """Learning rate of the network, as a multiple of train.learning_rate."""
    first_variances: FirstVariances = setting(HistSettings, "first_variances", as_before="equal")
    """Initial variances of the distributions: all "equal", or "drawn" at random, as in the authors' code."""
    distribution_decay: bool = setting(HistSettings, "distribution_decay", as_before=False)
    """Apply train.weight_decay to the distributions, as the authors' code does."""


class MdrSpec(PaperSection):
    """[loss.mdr]: pulls all distances to a few levels; used beside another loss (Kim & Park, AAAI 2021)."""

    settings: ClassVar[type[LossSettings]] = MdrSettings

    levels: tuple[float, ...] = setting(MdrSettings, "levels")
    """Initial values of the learned levels, in standard deviations from the mean distance."""
    momentum: float = setting(MdrSettings, "momentum")
    """Weight of the old value in the running mean and deviation."""
    nu: float = setting(MdrSettings, "nu", as_before=0.0)
    """Weight of the sum of squared levels, a penalty that keeps them near 0."""
    statistics: Statistics = setting(MdrSettings, "statistics", as_before="pairs")
    """Take mean and deviation over all "pairs", or over the whole distance "matrix", including its diagonal."""


class LibrarySpec(Section):
    """[loss.library]: a loss of pytorch-metric-learning, or any torch module called with (embeddings, class codes)."""

    factory: str | None = None
    """"module:Name", as in "pytorch_metric_learning.losses:ProxyAnchorLoss". It is passed `num_classes` and
    `embedding_size` if it accepts them."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Further keyword arguments of the factory."""
    rate: float | None = setting(LibrarySettings, "rate")
    """Learning rate of the loss's own weights; by default train.learning_rate."""

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
    """[loss.lsep]: scores each class, a row's own labels above all others (Li, Song & Luo, CVPR 2017)."""

    pairs: int = setting(LsepSettings, "pairs")
    """Largest number of pairs (a label of the row, another class) per row; if there are more, they are sampled."""


class HingeRankingSpec(Section):
    """[loss.hinge_ranking]: like lsep, with a hinge; the baseline of that paper."""

    margin: float = setting(HingeRankingSettings, "margin")
    """Margin between the scores of a label and of another class."""
    pairs: int = setting(HingeRankingSettings, "pairs")
    """See loss.lsep."""


class RankingSpec(Section):
    """[loss.ranking]: scores items, the better one of a pair higher (Doughty et al., CVPR 2018)."""

    margin: float = setting(RankingSettings, "margin")
    """How much higher the better item's score must be; scores of like items may differ by as much. Mining takes the
    pairs that violate it."""
    beta: float = setting(RankingSettings, "beta")
    """Weight of pairs with a better item; like pairs have weight 1 - beta."""


class LossSpec(Section):
    """[loss]: the losses and their weights. Each loss's parameters are in a section of its name."""

    weights: dict[LossName, float] = Field(default={"triplet": 1.0, "global": 1.0}, min_length=1)
    """The losses and their weights: training minimises the weighted sum."""
    triplets: Literal["auto", "semi_hard", "boundary", "stored", "both"] = "auto"
    """The triplets of a batch that the losses "triplet" and "global" use: "semi_hard" ones, those of the k rule
    ("boundary"), "stored" ones from mining, or "both" of the last two. "auto" depends on train.batches: "semi_hard" for
    "class_balanced", "stored" for "triplets", otherwise "boundary"."""
    margin: float | None = Field(default=None, gt=0)
    """Margin of the triplet loss, in squared distance; by default mine.margin."""
    lambda_global: float = setting(GlobalSettings, "lambda_global")
    """"global": weight of the term that separates the mean distances of positives and negatives; the variances have
    weight 1."""
    t_global: float = setting(GlobalSettings, "t_global")
    """"global": margin between the two means, in quarters of the squared distance."""
    global_over: GlobalOver = setting(GlobalSettings, "global_over", as_before="triplets")
    """"global": over the pairs of the "triplets", or over all pairs of the "batch". "batch" is the default with stored
    triplets, whose means are too close for t_global: the loss would never reach 0."""
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
        """The loss that scores classes, or None."""
        return next((name for name in self.weights if name in OF_LABELS), None)

    @property
    def of_pairs(self) -> LossName | None:
        """The loss that scores items, or None."""
        return next((name for name in self.weights if name in OF_PAIRS), None)

    @property
    def scoring(self) -> LossName | None:
        """The loss that scores classes or items, or None."""
        return self.of_labels or self.of_pairs

    @property
    def of_triplets(self) -> bool:
        """Whether any of the losses uses the triplets of the batch rule."""
        return not OF_TRIPLETS.isdisjoint(self.weights)

    @property
    def _unused(self) -> frozenset[str]:
        """Sections of losses that have no weight."""
        sections = (name for name in type(self).model_fields if isinstance(getattr(self, name), Section))
        return frozenset(sections).difference(self.weights)

    @model_serializer(mode="wrap")
    def _without_unused(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A run's record must not become stale when the defaults of losses that it never used change.
        return {key: value for key, value in whole(self).items() if key not in self._unused}

    def result_keys(self) -> dict[str, Any]:
        """See Section.result_keys; without the losses that have no weight."""
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
                f"loss.weights names only {named}, which would pull all rows to one point, whatever their class: add "
                "a loss that separates classes, such as triplet = 1"
            )
        if len(scoring := sorted(OF_LABELS.intersection(self.weights))) > 1:
            raise ValueError(
                f"loss.weights names {' and '.join(scoring)}, each of which would score the classes in its own way: "
                "choose one of them"
            )
        if self.of_pairs and len(self.weights) > 1:
            raise ValueError(
                f"loss.weights names {named}, but {self.of_pairs} learns from ranked pairs, which have neither classes "
                f"nor another score: make {self.of_pairs} the only loss, or remove it"
            )
        if "library" in self.weights and self.library.factory is None:
            raise ValueError(
                "loss.weights names library but loss.library.factory is missing: name the loss, as in "
                '"pytorch_metric_learning.losses:ProxyAnchorLoss"'
            )
        return self
