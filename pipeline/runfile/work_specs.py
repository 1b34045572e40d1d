"""The sections of the run file that describe the five stages."""

from typing import Any, Literal

from pydantic import Field, model_validator

from .section import Section, execution

Positive = Field(gt=0)


class EncoderSpec(Section):
    """[encoder]: the network that maps an item to a vector."""

    name: str = "convnet"
    """"convnet", "mlp", "timm:<model>", or a user's own "path/to/file.py:factory" or "module:factory"."""
    embedding_dim: int = Field(default=64, ge=2, le=65_536)
    """D, the width of an embedding."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the encoder's factory."""
    normalise: bool = True
    """Scale every embedding to unit length; the mining rule and the global loss assume it."""
    weights: str | None = None
    """What to start from instead of seeded random weights: a .safetensors file, or an exported folder."""


class EmbedSpec(Section):
    """[embed]: pushing rows through the encoder."""

    chunk_rows: int = Field(default=8192, ge=1)
    """Rows of one task and of one Zarr chunk."""
    batch_rows: int = Field(default=512, ge=1)
    """Rows pushed through the encoder at once."""
    device: str = execution("auto")
    """"auto" (a GPU where there is one), "cpu", "cuda" or "cuda:<n>"."""


class GraphSpec(Section):
    """[graph]: the neighbour search over the training split."""

    method: Literal["auto", "exact", "hnsw", "traverse_add"] = "auto"
    """"auto" chooses by rows, width and K; `tripletmine check` says what, and why."""
    neighbours: int = Field(default=150, ge=2)
    """K, the neighbours kept for a row; best at 4 times the median class size or more."""
    parts: int = Field(default=1, ge=1)
    """Index parts built independently, all of them searched; part of the result, unlike the number of workers."""
    chunk_rows: int = Field(default=8192, ge=1)
    """Rows of one task and of one Zarr chunk of the neighbour table."""
    engine: Literal["numpy", "torch"] = execution("numpy")
    """exact: who multiplies the matrices; "torch" uses the GPUs. Both give the same bits."""
    recall_target: float = Field(default=0.99, gt=0, le=1)
    """Share of the true neighbours to be found, measured on `recall_sample` rows against exact search."""
    recall_sample: int = Field(default=1000, ge=1)
    effort: int | None = Field(default=None, ge=2)
    """Rows that a search keeps (ef of hnsw, keep of traverse_add); by default what `recall_target` needs."""
    m: int = Field(default=16, ge=2, le=512)
    """hnsw: links of a vertex."""
    ef_construction: int = Field(default=100, ge=4)
    """hnsw: candidates kept while building."""
    max_degree: int = Field(default=30, ge=2, le=512)
    """traverse_add: edges of a vertex."""
    walks: int = Field(default=6, ge=0)
    """traverse_add: trial walks of a vertex, at most."""
    warm_start: bool = True
    """traverse_add: begin with the graph of the epoch before."""
    memory_mib: int | None = execution(None, ge=64)
    """Memory for open index parts in one worker; by default all parts are kept open."""


class GuardsSpec(Section):
    """[mine.guards]: protection against false negatives. Each is off by default, and counted in the report."""

    duplicate_sq: float | None = Field(default=None, ge=0)
    """Refuse negatives at a squared distance of at most this from the anchor or a known positive of it: the same item
    under another label."""
    rank_window: tuple[int, int] | None = None
    """Keep only negatives whose 0-based rank among the neighbours lies in [first, stop)."""
    positive_percentile: float | None = Field(default=None, ge=0, le=100)
    """Refuse negatives that are not farther than this percentile of the anchor's positives."""
    minimum_margin_sq: float | None = Field(default=None, ge=0)
    """Pair a negative only with positives that are nearer by at least this, in squared distance."""
    relative_margin: float | None = Field(default=None, ge=0, le=1)
    """Pair a negative only with positives whose cosine s it stays below by this share of |s|."""


class MineSpec(Section):
    """[mine]: which triplets are taken from the neighbour table."""

    margin: float = Field(default=0.2, gt=0)
    """m, in units of squared distance."""
    triplets_per_anchor: int = Field(default=8, ge=1)
    positives: Literal["neighbours", "class"] = "neighbours"
    """Where an anchor's positives come from: among its neighbours, or from its whole class."""
    nearer_positive: bool = True
    """Take a negative only where some positive of the anchor is nearer."""
    hardness: Literal["adaptive", "linear"] = "adaptive"
    """How k is chosen: by the controller, from how earlier epochs went, or by a linear decay."""
    k_start: float = Field(default=1.0, ge=0)
    k_end: float = Field(default=0.9, ge=0)
    k_epochs: int = Field(default=10, ge=1)
    """Mining epochs over which k decays from `k_start` to `k_end`; independent of run.epochs, which may grow."""
    k_first_epochs: int = Field(default=4, ge=2)
    """Epochs of decay before the controller has seen enough to choose."""
    k_dither: float = Field(default=0.02, ge=0)
    """Half-width of the random change of k in these, without which the controller could learn nothing from them."""
    k_min: float = Field(default=0.7, ge=0)
    k_max: float = Field(default=1.2, ge=0)
    k_grid: int = Field(default=11, ge=2)
    """Candidates between `k_min` and `k_max`."""
    k_step: float = Field(default=0.05, gt=0)
    """Largest change of k from one epoch to the next."""
    sample: int = Field(default=5000, ge=1)
    """Anchors on which the controller tries its candidates."""
    coverage_floor: float = Field(default=0.5, ge=0, le=1)
    """Least share of anchors that must get a triplet."""
    ridge: float = Field(default=1.0, gt=0)
    """Penalty of the controller's regression."""
    w_val: float = Field(default=1.0, ge=0)
    """Weight of the predicted gain on validation against the training error."""
    guards: GuardsSpec = GuardsSpec()
    exclude_suspects: float | None = Field(default=None, gt=0, le=1)
    """Leave out rows whose neighbourhood disagrees with their label at least this strongly."""
    chunk_rows: int = Field(default=65_536, ge=1)
    """Anchors of one task and of one Parquet part."""
    audit_sample: int = Field(default=2000, ge=0)
    """Anchors whose triplets are derived again from embeddings and labels at the end of the stage; 0 leaves the audit
    out."""

    @model_validator(mode="after")
    def _k_in_range(self) -> "MineSpec":
        if self.hardness == "linear":
            return self
        if not self.k_min < self.k_max:
            raise ValueError(
                f"mine.k_min is {self.k_min} but mine.k_max is {self.k_max}: lower k_min or raise k_max"
            )
        for name, k in (("k_start", self.k_start), ("k_end", self.k_end)):
            if not self.k_min <= k <= self.k_max:
                raise ValueError(
                    f"mine.{name} is {k} but must lie between mine.k_min = {self.k_min} and mine.k_max = {self.k_max}: "
                    'change it, or choose hardness = "linear"'
                )
        return self


class EvaluateSpec(Section):
    """[evaluate]: retrieval metrics on held-out rows, always by exact search."""

    nmi: bool = True
    """Cluster the embeddings (k-means) and compare with the classes; by far the slowest of the metrics."""
    test: Literal["end", "every", "never"] = "end"
    """When the test split is looked at: once, for the checkpoint chosen on validation, or in every epoch."""
    retrieval: Literal["instances", "centroids"] = "instances"
    """What a query is matched against: the other rows, or the centroid of each class (the mean of its rows before they
    are made unit length; of its own class without the query)."""
    train_gallery: bool = True
    """closed split: report the test split against the training split as gallery, too."""
    select: Literal["map_at_r", "recall@1"] = "map_at_r"
    """The validation metric that chooses the best epoch."""
    violation_sample: int = Field(default=1000, ge=1)
    """Validation anchors on which the share of violated triplets is measured for the controller."""
