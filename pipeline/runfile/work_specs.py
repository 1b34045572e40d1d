"""The sections of the run file that describe the five stages."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from ...mining.defaults import AUDIT_SAMPLE, NEIGHBOURS, RECALL_TARGET, SAMPLE_ROWS
from ...mining.errors import InputError
from ...mining.graphs.parameters import (
    Engine,
    ExactParameters,
    HnswParameters,
    TraverseAddParameters,
)
from ...mining.guards import Guards, SameGroup
from ...mining.hardness.controller import ControllerSettings
from ...mining.rule import MiningRule, Order, PositiveSource
from ...models.train.settings import TrainerSettings
from .section import Section, added, execution, setting


class EncoderSpec(Section):
    """[encoder]: the network that maps an item to a vector."""

    name: str = "convnet"
    """"convnet", "mlp", "timm:<model>", or a user's own "path/to/file.py:factory" or "module:factory". "identity" takes
    vectors as they are: the run searches, mines and evaluates them once, and trains nothing."""
    embedding_dim: int = Field(default=64, ge=2, le=65_536)
    """D, the width of an embedding."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the encoder's factory."""
    layer_norm: bool = added(False, as_before=False)
    """Bring every embedding to mean 0 and variance 1 over its values, before it is made unit length: as HIST's code
    does."""
    normalise: bool = setting(TrainerSettings, "normalise")
    """Scale every embedding to unit length; the mining rule and the global loss assume it."""
    weights: str | None = None
    """What to start from instead of seeded random weights: a .safetensors file, or an exported folder."""

    @property
    def learns(self) -> bool:
        """Whether there is anything to train."""
        return self.name != "identity"


class EmbedSpec(Section):
    """[embed]: pushing rows through the encoder."""

    chunk_rows: int = Field(default=8192, ge=1)
    """Rows of one task and of one Zarr chunk."""
    batch_rows: int = Field(default=512, ge=1)
    """Rows pushed through the encoder at once."""
    dtype: Literal["float32", "float16"] = added("float32", as_before="float32")
    """How embeddings are kept: "float16" takes half the disk, for distances that differ in the fourth digit. Search and
    mining measure what is kept; the evaluation measures what the encoder gives."""
    device: str = execution("auto")
    """"auto" (a GPU where there is one), "cpu", "cuda" or "cuda:<n>"."""


class GraphSpec(Section):
    """[graph]: the neighbour search over the training split."""

    method: Literal["auto", "exact", "cells", "hnsw", "traverse_add"] = "auto"
    """"auto" chooses by rows, width and K; `tripletmine check` says what, and why."""
    neighbours: int | None = Field(default=None, ge=2)
    """K, the neighbours kept for a row; best at 4 times the median class size or more. By default 150, or what each
    part of a small training split has."""
    parts: int = Field(default=1, ge=1)
    """Index parts built independently, all of them searched; part of the result, unlike the number of workers. Cells
    are parts of their own, and want 1."""
    chunk_rows: int = Field(default=8192, ge=1)
    """Rows of one task and of one Zarr chunk of the neighbour table."""
    engine: Engine = setting(ExactParameters, "engine", is_execution=True)
    """exact: who multiplies the matrices; "torch" uses the GPUs. Both give the same bits."""
    recall_target: float = Field(default=RECALL_TARGET, gt=0, le=1)
    """Share of the true neighbours to be found, measured on `recall_sample` rows against exact search."""
    recall_sample: int = Field(default=SAMPLE_ROWS, ge=1)
    """Rows on which the recall is measured."""
    effort: int | None = Field(default=None, ge=2)
    """Rows that a search keeps (ef of hnsw, keep of traverse_add), or cells that it looks into (probes of cells); by
    default what `recall_target` needs."""
    m: int = setting(HnswParameters, "m")
    """hnsw: links of a vertex."""
    ef_construction: int = setting(HnswParameters, "ef_construction")
    """hnsw: candidates kept while building."""
    max_degree: int = setting(TraverseAddParameters, "max_degree")
    """traverse_add: edges of a vertex."""
    walks: int = setting(TraverseAddParameters, "walks")
    """traverse_add: trial walks of a vertex, at most."""
    warm_start: bool = True
    """traverse_add: begin with the graph of the epoch before; cells: with its centres."""
    memory_mib: int | None = execution(None, ge=64)
    """Memory for open index parts in one worker; by default all parts are kept open."""

    def result_keys(self) -> dict[str, Any]:
        """With the default K by number, as it always was."""
        keys = super().result_keys()
        return keys | {"neighbours": NEIGHBOURS if self.neighbours is None else self.neighbours}


class GuardsSpec(Section):
    """[mine.guards]: protection against false negatives. Each is off by default, and counted in the report."""

    duplicate_sq: float | None = setting(Guards, "duplicate_sq")
    """Refuse negatives at a squared distance of at most this from the anchor or a known positive of it: the same item
    under another label."""
    rank_window: tuple[int, int] | None = setting(Guards, "rank_window")
    """Keep only negatives whose 0-based rank among the neighbours lies in [first, stop)."""
    positive_percentile: float | None = setting(Guards, "positive_percentile")
    """Refuse negatives that are not farther than this percentile of the anchor's positives."""
    minimum_margin_sq: float | None = setting(Guards, "minimum_margin_sq")
    """Pair a negative only with positives that are nearer by at least this, in squared distance."""
    relative_margin: float | None = setting(Guards, "relative_margin")
    """Pair a negative only with positives whose cosine s it stays below by this share of |s|."""
    minimum_sq: float | None = setting(Guards, "minimum_sq", as_before=None)
    """Refuse negatives nearer than this squared distance; of unit vectors, a cosine above s is one below 2 − 2s."""
    maximum_sq: float | None = setting(Guards, "maximum_sq", as_before=None)
    """Refuse negatives farther than this squared distance."""
    same_group: SameGroup | None = setting(Guards, "same_group", as_before=None)
    """What rows of one group (the data's column `group`: a product, a document, a camera) are to each other:
    "never-negative", or "never-pair", neither positives nor negatives."""

    @model_validator(mode="after")
    def _fits(self) -> "GuardsSpec":
        self.build(Guards)
        return self


class MineSpec(Section):
    """[mine]: which triplets are taken from the neighbour table."""

    margin: float = setting(MiningRule, "margin")
    """m, in units of squared distance."""
    triplets_per_anchor: int = setting(MiningRule, "triplets_per_anchor")
    """The most triplets of one anchor; of ranked pairs, the most in which one row is the first."""
    negatives_per_positive: int = setting(MiningRule, "negatives_per_positive", as_before=1)
    """The most triplets with the same anchor and positive."""
    positives: PositiveSource = setting(MiningRule, "positives")
    """Where an anchor's positives come from: among its neighbours, or from its whole class."""
    nearer_positive: bool = setting(MiningRule, "nearer_positive")
    """Take a negative only where some positive of the anchor is nearer."""
    order: Order = setting(MiningRule, "order", as_before="farthest")
    """Which of an anchor's admissible pairs are taken: "farthest" positives first, each with its nearest negative, or
    "random" ones, others in every epoch."""
    every: Annotated[int, Field(ge=1)] | Literal["never"] = added(1, as_before=1)
    """Mine in every so many epochs after the warm-up, or in none. Those that do not mine have no embed and graph stage,
    either; they are trained like the warm-up, on semi-hard triplets of class-balanced batches."""
    hardness: Literal["adaptive", "linear"] = "adaptive"
    """How k is chosen: by the controller, from how earlier epochs went, or by a linear decay."""
    k_start: float = setting(ControllerSettings, "k_start")
    """k of the first epoch that mines. Negatives nearer than k times the positive are left out."""
    k_end: float = setting(ControllerSettings, "k_end")
    """k at the end of the decay."""
    k_epochs: int = Field(default=10, ge=1)
    """Mining epochs over which k decays from `k_start` to `k_end`; independent of run.epochs, which may grow."""
    k_first_epochs: int = setting(ControllerSettings, "k_first_epochs")
    """Epochs of decay before the controller has seen enough to choose."""
    k_dither: float = setting(ControllerSettings, "k_dither")
    """Half-width of the random change of k in these, without which the controller could learn nothing from them."""
    k_min: float = setting(ControllerSettings, "k_min")
    """The smallest k that the controller tries: the hardest triplets."""
    k_max: float = setting(ControllerSettings, "k_max")
    """The largest k that the controller tries."""
    k_grid: int = setting(ControllerSettings, "k_grid")
    """Candidates between `k_min` and `k_max`."""
    k_step: float = setting(ControllerSettings, "k_step")
    """Largest change of k from one epoch to the next."""
    sample: int = Field(default=5000, ge=1)
    """Anchors on which the controller tries its candidates."""
    coverage_floor: float = setting(ControllerSettings, "coverage_floor")
    """Least share of anchors that must get a triplet."""
    ridge: float = setting(ControllerSettings, "ridge")
    """Penalty of the controller's regression."""
    w_val: float = setting(ControllerSettings, "w_val")
    """Weight of the predicted gain on validation against the training error."""
    guards: GuardsSpec = GuardsSpec()
    exclude_suspects: float | None = Field(default=None, gt=0, le=1)
    """Leave out rows whose neighbourhood disagrees with their label at least this strongly."""
    chunk_rows: int = Field(default=65_536, ge=1)
    """Anchors of one task and of one Parquet part."""
    audit_sample: int = Field(default=AUDIT_SAMPLE, ge=0)
    """Anchors whose triplets are derived again from embeddings and labels at the end of the stage; 0 leaves the audit
    out."""

    @model_validator(mode="after")
    def _fits(self) -> "MineSpec":
        self.rule(self.k_start, 0)
        if self.hardness == "adaptive":
            try:
                self.build(ControllerSettings)
            except InputError as error:
                raise InputError(f'{error}, or choose hardness = "linear"') from None
        return self

    def rule(self, k_hardness: float, seed: int) -> MiningRule:
        """The mining rule with an epoch's k, and the seed of its mine stage, which only a random order reads."""
        return self.build(
            MiningRule,
            k_hardness=k_hardness,
            guards=self.guards.build(Guards),
            order_seed=seed if self.order == "random" else 0,
        )


class EvaluateSpec(Section):
    """[evaluate]: retrieval metrics on held-out rows, always by exact search."""

    nmi: bool = True
    """Cluster the embeddings (k-means) and compare with the classes; by far the slowest of the metrics."""
    recalls: tuple[Annotated[int, Field(ge=1)], ...] = added(
        (1, 2, 4, 8), as_before=[1, 2, 4, 8], min_length=1
    )
    """Ranks K at which Recall@K is measured, 1 among them: [1, 10, 100, 1000] as for SOP."""
    knn: int | None = added(None, as_before=None, ge=1)
    """Also measure recognition: how often most of so many nearest neighbours have the query's class. Left out by
    default."""
    pairs: int | None = added(None, as_before=None, ge=40, le=1_000_000)
    """Also measure verification on so many pairs, half of them of one class, drawn once from each held-out split; pairs
    of one class and one group are left out. By default on those of `pairs_file`, or not at all."""
    pairs_file: str | None = execution(None, min_length=1)
    """Parquet, CSV or TSV file of the pairs on which verification is measured, relative to the run file: columns key,
    other_key, same (1 or 0), and perhaps fold. Results depend on what it says, wherever it is."""
    fars: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = added(
        (0.001, 0.01, 0.1), as_before=[0.001, 0.01, 0.1], min_length=1
    )
    """Verification: shares of different pairs accepted by mistake at which the share of same pairs is reported."""
    test: Literal["end", "every", "never"] = "end"
    """When the test split is looked at: once, for the checkpoint chosen on validation, or in every epoch."""
    retrieval: Literal["instances", "centroids"] = "instances"
    """What a query is matched against: the other rows, or the centroid of each class (the mean of its rows before they
    are made unit length; of its own class without the query, and without rows of its group where these are left
    out)."""
    feature: Literal["embedding", "batch_normalised"] = added("embedding", as_before="embedding")
    """What is retrieved and verified with, and exported: the "embedding", or the "batch_normalised" feature behind the
    BNNeck of loss.classification, as in re-identification. Mining and k go by the embedding."""
    train_gallery: bool = True
    """closed split: report the test split against the training split as gallery, too."""
    train_sample: int | None = added(None, as_before=None, ge=2)
    """Also measure retrieval on so many training rows in every epoch, drawn once and as validation is: single rows of a
    "closed" split, whole classes of a "zero-shot" one. By default on none."""
    select: Literal["map_at_r", "recall@1", "label_map", "pair_accuracy"] = "map_at_r"
    """The validation metric that chooses the best epoch; where a loss scores labels, by default "label_map", where it
    scores items, "pair_accuracy"."""
    violation_sample: int = Field(default=1000, ge=1)
    """Validation anchors on which the share of violated triplets is measured for the controller."""

    @field_validator("recalls")
    @classmethod
    def _with_the_first(cls, recalls: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in recalls:
            raise ValueError(
                f"evaluate.recalls is {list(recalls)} but has no 1, which epochs are compared by: add it"
            )
        return tuple(sorted(set(recalls)))

    @model_validator(mode="after")
    def _pairs_once(self) -> "EvaluateSpec":
        if self.pairs is not None and self.pairs_file is not None:
            raise ValueError(
                f"evaluate.pairs is {self.pairs} but evaluate.pairs_file names pairs, too: remove one of them"
            )
        return self
