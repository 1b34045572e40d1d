"""The sections of the run file for the encoder and the stages embed, graph, mine and evaluate."""

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
    """"convnet", "mlp", "timm:<model>", or your own: "path/to/file.py:factory" or "module:factory". "identity" uses the
    data's vectors unchanged: the run searches, mines and evaluates them once, and trains nothing."""
    embedding_dim: int = Field(default=64, ge=2, le=65_536)
    """D, the embedding dimension."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the encoder's factory."""
    layer_norm: bool = added(False, as_before=False)
    """Normalise every embedding to mean 0 and variance 1 over its values, before it is scaled to unit length, as HIST's
    code does."""
    normalise: bool = setting(TrainerSettings, "normalise")
    """Scale every embedding to unit length; the mining rule and the global loss assume it."""
    weights: str | None = None
    """Initial weights instead of seeded random ones: a .safetensors file, or an exported folder."""

    @property
    def learns(self) -> bool:
        """Whether the encoder has anything to train."""
        return self.name != "identity"


class EmbedSpec(Section):
    """[embed]: computing embeddings."""

    chunk_rows: int = Field(default=8192, ge=1)
    """Rows per task and per Zarr chunk."""
    batch_rows: int = Field(default=512, ge=1)
    """Rows passed through the encoder at once."""
    dtype: Literal["float32", "float16"] = added("float32", as_before="float32")
    """dtype of stored embeddings. "float16" halves the disk space and changes distances in the fourth digit. Search and
    mining use the stored embeddings; evaluation uses the encoder's own output."""
    device: str = execution("auto")
    """"auto" (a GPU if there is one), "cpu", "cuda" or "cuda:<n>"."""


class GraphSpec(Section):
    """[graph]: the neighbour search over the training split."""

    method: Literal["auto", "exact", "cells", "hnsw", "traverse_add"] = "auto"
    """Search method; "auto" chooses by rows, dimension and K, and `tripletmine check` shows the choice and why."""
    neighbours: int | None = Field(default=None, ge=2)
    """K, the number of neighbours per row; best at 4 times the median class size or more. By default 150, or as many as
    each part of a small training split has."""
    parts: int = Field(default=1, ge=1)
    """Number of index parts, which are built independently and all searched. Unlike the number of workers, it affects
    the result. Use 1 with cells, which are parts themselves."""
    chunk_rows: int = Field(default=8192, ge=1)
    """Rows per task and per Zarr chunk of the neighbour table."""
    engine: Engine = setting(ExactParameters, "engine", is_execution=True)
    """exact: library for the matrix products; "torch" uses the GPUs. Both give the same bits."""
    recall_target: float = Field(default=RECALL_TARGET, gt=0, le=1)
    """Smallest acceptable recall: share of the true neighbours found, measured on `recall_sample` rows against exact
    search."""
    recall_sample: int = Field(default=SAMPLE_ROWS, ge=1)
    """Rows on which recall is measured."""
    effort: int | None = Field(default=None, ge=2)
    """Candidates that a search keeps (hnsw: ef; traverse_add: keep) or cells that it visits (cells: probes). By default
    chosen to reach `recall_target`."""
    m: int = setting(HnswParameters, "m")
    """hnsw: links per vertex."""
    ef_construction: int = setting(HnswParameters, "ef_construction")
    """hnsw: candidates kept while building."""
    max_degree: int = setting(TraverseAddParameters, "max_degree")
    """traverse_add: largest number of edges per vertex."""
    walks: int = setting(TraverseAddParameters, "walks")
    """traverse_add: largest number of trial walks per vertex."""
    warm_start: bool = True
    """Start from the previous epoch's graph (traverse_add) or centres (cells)."""
    memory_mib: int | None = execution(None, ge=64)
    """Memory in MiB for open index parts in one worker; by default all parts are kept open."""

    def result_keys(self) -> dict[str, Any]:
        """See Section.result_keys; the default K is written as a number, to keep old fingerprints valid."""
        keys = super().result_keys()
        return keys | {"neighbours": NEIGHBOURS if self.neighbours is None else self.neighbours}


class GuardsSpec(Section):
    """[mine.guards]: protection against false negatives. Each guard is off by default; refusals are in the report."""

    duplicate_sq: float | None = setting(Guards, "duplicate_sq")
    """Refuse negatives within this squared distance of the anchor or of a known positive: they are probably the same
    item under another label."""
    rank_window: tuple[int, int] | None = setting(Guards, "rank_window")
    """Keep only negatives whose 0-based rank among the neighbours is in [first, stop)."""
    positive_percentile: float | None = setting(Guards, "positive_percentile")
    """Refuse negatives that are not farther than this percentile of the distances of the anchor's positives."""
    minimum_margin_sq: float | None = setting(Guards, "minimum_margin_sq")
    """Pair a negative only with positives that are nearer by at least this squared distance."""
    relative_margin: float | None = setting(Guards, "relative_margin")
    """Pair a negative only with positives whose cosine s exceeds the negative's by at least this share of |s|."""
    minimum_sq: float | None = setting(Guards, "minimum_sq", as_before=None)
    """Refuse negatives nearer than this squared distance; for unit vectors, 2 − 2s refuses cosines above s."""
    maximum_sq: float | None = setting(Guards, "maximum_sq", as_before=None)
    """Refuse negatives farther than this squared distance."""
    same_group: SameGroup | None = setting(Guards, "same_group", as_before=None)
    """How rows of one group are treated (the data's column `group`: a product, a document, a camera):
    "never-negative", or "never-pair", neither positives nor negatives."""

    @model_validator(mode="after")
    def _fits(self) -> "GuardsSpec":
        self.build(Guards)
        return self


class MineSpec(Section):
    """[mine]: selecting triplets from the neighbour table."""

    margin: float = setting(MiningRule, "margin")
    """Margin m, in units of squared distance."""
    triplets_per_anchor: int = setting(MiningRule, "triplets_per_anchor")
    """Largest number of triplets per anchor; of ranked pairs, per first row."""
    negatives_per_positive: int = setting(MiningRule, "negatives_per_positive", as_before=1)
    """Largest number of triplets with the same anchor and positive."""
    positives: PositiveSource = setting(MiningRule, "positives")
    """Where an anchor's positives come from: its neighbours, or its whole class."""
    nearer_positive: bool = setting(MiningRule, "nearer_positive")
    """Take a negative only if some positive of the anchor is nearer."""
    order: Order = setting(MiningRule, "order", as_before="farthest")
    """Which admissible triplets of an anchor are taken: "farthest" positives first, each with its nearest negative, or
    "random" ones, drawn anew in every epoch."""
    every: Annotated[int, Field(ge=1)] | Literal["never"] = added(1, as_before=1)
    """Mine in every n-th epoch after the warm-up, or "never". Epochs without mining have no embed and graph stages
    either; they train like the warm-up, on semi-hard triplets of class-balanced batches."""
    hardness: Literal["adaptive", "linear"] = "adaptive"
    """How k is chosen: by a controller, from the results of earlier epochs, or by a linear decay."""
    k_start: float = setting(ControllerSettings, "k_start")
    """k of the first mining epoch. Negatives nearer than k times the positive's distance are excluded."""
    k_end: float = setting(ControllerSettings, "k_end")
    """k at the end of the decay."""
    k_epochs: int = Field(default=10, ge=1)
    """Mining epochs over which k decays from `k_start` to `k_end`. Independent of run.epochs, which may be raised."""
    k_first_epochs: int = setting(ControllerSettings, "k_first_epochs")
    """Number of first mining epochs that follow the decay, before the controller has enough data to choose k."""
    k_dither: float = setting(ControllerSettings, "k_dither")
    """Half-width of a random change of k in these first epochs, without which the controller could not learn from
    them."""
    k_min: float = setting(ControllerSettings, "k_min")
    """Smallest k that the controller tries; gives the hardest triplets."""
    k_max: float = setting(ControllerSettings, "k_max")
    """Largest k that the controller tries."""
    k_grid: int = setting(ControllerSettings, "k_grid")
    """Number of candidates from `k_min` to `k_max`."""
    k_step: float = setting(ControllerSettings, "k_step")
    """Largest change of k from one epoch to the next."""
    sample: int = Field(default=5000, ge=1)
    """Anchors on which the controller tries its candidates."""
    coverage_floor: float = setting(ControllerSettings, "coverage_floor")
    """Smallest share of these anchors that must get a triplet."""
    ridge: float = setting(ControllerSettings, "ridge")
    """Ridge penalty of the controller's regression."""
    w_val: float = setting(ControllerSettings, "w_val")
    """Weight of the predicted gain on validation, relative to the training error."""
    guards: GuardsSpec = GuardsSpec()
    exclude_suspects: float | None = Field(default=None, gt=0, le=1)
    """Exclude rows whose neighbourhood disagrees with their label at least this strongly."""
    chunk_rows: int = Field(default=65_536, ge=1)
    """Anchors per task and per Parquet part."""
    audit_sample: int = Field(default=AUDIT_SAMPLE, ge=0)
    """Anchors whose triplets are checked against embeddings and labels at the end of the stage; 0 turns the audit
    off."""

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
        """The mining rule of an epoch, with its k and the seed of its mine stage, which only order = "random" uses."""
        return self.build(
            MiningRule,
            k_hardness=k_hardness,
            guards=self.guards.build(Guards),
            order_seed=seed if self.order == "random" else 0,
        )


class EvaluateSpec(Section):
    """[evaluate]: retrieval metrics on held-out rows, always by exact search."""

    nmi: bool = True
    """Also measure NMI: cluster the embeddings (k-means) and compare the clusters with the classes. By far the slowest
    metric."""
    recalls: tuple[Annotated[int, Field(ge=1)], ...] = added(
        (1, 2, 4, 8), as_before=[1, 2, 4, 8], min_length=1
    )
    """Ranks K at which Recall@K is measured; must include 1. For SOP: [1, 10, 100, 1000]."""
    knn: int | None = added(None, as_before=None, ge=1)
    """Also measure the accuracy of a k-nearest-neighbour classifier with this many neighbours. Off by default."""
    pairs: int | None = added(None, as_before=None, ge=40, le=1_000_000)
    """Also measure verification on this many pairs, drawn once from each held-out split. Half of them have the same
    class; pairs of the same class and group are left out. By default the pairs of `pairs_file`, if any, are used."""
    pairs_file: str | None = execution(None, min_length=1)
    """Parquet, CSV or TSV file of verification pairs, relative to the run file. Columns: key, other_key, same (1 or 0),
    and optionally fold. Results depend on the content of the file, not on its path."""
    fars: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = added(
        (0.001, 0.01, 0.1), as_before=[0.001, 0.01, 0.1], min_length=1
    )
    """Verification: false accept rates at which the true accept rate is reported."""
    queries: int | None = added(None, as_before=None, ge=1)
    """Number of rows of each held-out split that are queries, drawn once; each searches the whole gallery. By default
    all rows, or as many as make at most 10¹¹ pairs of a query and a gallery row. Figures say how many were drawn."""
    test: Literal["end", "every", "never"] = "end"
    """When the test split is evaluated: at the "end", for the checkpoint chosen on validation; in "every" epoch; or
    "never"."""
    retrieval: Literal["instances", "centroids"] = "instances"
    """What a query is matched against: the other rows, or the class centroids. A centroid is the mean of a class's rows
    before they are scaled to unit length; the query's own class is without the query, and without the query's group
    where that is excluded."""
    feature: Literal["embedding", "batch_normalised"] = added("embedding", as_before="embedding")
    """The vector used for retrieval, verification and export: the "embedding", or the "batch_normalised" feature after
    the BNNeck of loss.classification, as in re-identification. Mining and k always use the embedding."""
    train_gallery: bool = True
    """data.split = "closed": also evaluate the test split with the training split as gallery."""
    train_sample: int | None = added(None, as_before=None, ge=2)
    """Also measure retrieval in every epoch on this many training rows, drawn once in the way of validation: single
    rows ("closed") or whole classes ("zero-shot"). Off by default."""
    select: Literal["map_at_r", "recall@1", "label_map", "pair_accuracy"] = "map_at_r"
    """The validation metric that chooses the best epoch. The default is "label_map" if a loss scores labels, and
    "pair_accuracy" if a loss scores items."""
    violation_sample: int = Field(default=1000, ge=1)
    """Validation anchors on which the controller's share of margin violations is measured."""

    @field_validator("recalls")
    @classmethod
    def _with_the_first(cls, recalls: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in recalls:
            raise ValueError(
                f"evaluate.recalls is {list(recalls)} but has no 1, by which epochs are compared: add it"
            )
        return tuple(sorted(set(recalls)))

    @model_validator(mode="after")
    def _pairs_once(self) -> "EvaluateSpec":
        if self.pairs is not None and self.pairs_file is not None:
            raise ValueError(
                f"evaluate.pairs is {self.pairs} but evaluate.pairs_file names pairs, too: remove one of them"
            )
        return self
