"""The run file as a whole."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...mining.compute.threads import usable_threads
from .data_spec import DataSpec
from .loss_spec import LossSpec
from .ranked import ranking_complaints
from .section import Section, execution
from .train_spec import TrainSpec
from .untrained import untrained_complaints
from .work_specs import EmbedSpec, EncoderSpec, EvaluateSpec, GraphSpec, MineSpec

Count = Annotated[int, Field(ge=0)]


class KeepSpec(Section):
    """[run.keep]: which artifacts stay on disk. Manifests always stay."""

    embeddings: Count | Literal["all"] = execution(1)
    """Number of latest epochs whose embeddings are kept."""
    graph: Count | Literal["all"] = execution(2)
    """Number of latest epochs whose neighbour tables and indexes are kept."""
    triplets: Count | Literal["all"] = execution("all")
    """Number of latest epochs whose triplets are kept."""
    checkpoints: Literal["best+last", "all"] = execution("best+last")
    """Epochs whose weights are kept: the best one on validation and the last, or all."""


class RunSection(Section):
    """[run]: the run itself."""

    name: str = execution("run", min_length=1, max_length=100, pattern=r"^\w[\w.-]*$")
    """Name of the run: letters, digits, "_", "-" and "."."""
    directory: str | None = execution(None)
    """The run directory, relative to the run file; "~" is the home directory. By default runs/<name>."""
    epochs: int = execution(3, ge=1)
    """Number of epochs, including the warm-up. You may raise it later: no epoch depends on how many follow, unless
    train.schedule is "cosine". With stored triplets, epochs are shorter and the default is 8, 2 of them warm-up."""
    patience: int | None = execution(None, ge=1)
    """Stop after this many epochs in a row, not counting the warm-up, without a better evaluate.select on validation.
    Raise or remove it to continue a stopped run. By default the run never stops early."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of all random numbers: splits, initial weights, batches, samples."""
    deterministic: bool = False
    """Give the same bytes on any number of workers, for one kind of machine and one set of versions."""
    report: bool = execution(False)
    """Write report.html into the run directory when the run ends, like `tripletmine report`."""
    keep: KeepSpec = KeepSpec()


class ClusterSpec(Section):
    """[cluster]: where tasks run. Nothing here changes a result."""

    kind: Literal["serial", "local", "dask"] = execution("serial")
    """Run tasks in this process ("serial"), on worker processes of this machine ("local"), or on the Dask scheduler at
    `address` ("dask")."""
    address: str | None = execution(None)
    """kind = "dask": address of the scheduler, such as tcp://10.0.0.1:8786."""
    workers: int | None = execution(None, ge=1)
    """kind = "local": number of worker processes; by default one per core."""
    worker_memory_mib: int | None = execution(None, ge=256)
    """kind = "local": memory of each worker in MiB; by default an equal share of the machine's memory."""
    retries: int = execution(2, ge=0)
    """How often a failed task is retried; lost workers do not count."""
    timeout_seconds: float = execution(10.0, gt=0)
    """Seconds to wait for the scheduler and its first worker."""

    @model_validator(mode="after")
    def _address(self) -> "ClusterSpec":
        if (self.kind == "dask") != (self.address is not None):
            raise ValueError(
                f'cluster.kind is "{self.kind}" and cluster.address is {self.address!r}: '
                'an address goes with kind = "dask", and only with it'
            )
        return self


class RunSpec(Section):
    """A whole run file, validated."""

    run: RunSection = RunSection()
    data: DataSpec
    encoder: EncoderSpec = EncoderSpec()
    embed: EmbedSpec = EmbedSpec()
    graph: GraphSpec = GraphSpec()
    mine: MineSpec = MineSpec()
    train: TrainSpec = TrainSpec()
    loss: LossSpec = LossSpec()
    evaluate: EvaluateSpec = EvaluateSpec()
    cluster: ClusterSpec = ClusterSpec()
    base: str = execution(".")
    """The folder of the run file, to which relative paths in it refer. Set by the loader."""

    @model_validator(mode="after")
    def _warmup(self) -> "RunSpec":
        if self.train.warmup_epochs > self.run.epochs:
            raise ValueError(
                f"train.warmup_epochs is {self.train.warmup_epochs} but run.epochs is {self.run.epochs}: "
                "run.epochs counts the warm-up too, so raise it or lower the warm-up"
            )
        return self

    @model_validator(mode="after")
    def _losses(self) -> "RunSpec":
        named, batches, triplets = ", ".join(self.loss.weights), self.train.batches, self.loss.triplets
        if batches == "triplets" and not self.loss.of_triplets:
            raise ValueError(
                f'train.batches is "triplets" but no loss of loss.weights ({named}) learns from triplets: add triplet '
                'to the weights, or choose batches = "neighbourhood"'
            )
        if triplets in ("stored", "both") and batches != "triplets":
            raise ValueError(
                f'loss.triplets is "{triplets}" but train.batches is "{batches}", which have no stored triplets: '
                'choose batches = "triplets", or triplets = "auto"'
            )
        if triplets != "auto" and not self.loss.of_triplets:
            raise ValueError(
                f'loss.triplets is "{triplets}" but no loss of loss.weights ({named}) learns from triplets: add '
                "triplet to the weights, or remove the key"
            )
        if "global" in self.loss.weights and self.encoder.learns and not self.encoder.normalise:
            raise ValueError(
                "loss.weights names global but encoder.normalise is false, and the global loss assumes distances of "
                "unit vectors: remove global from the weights, or set normalise = true"
            )
        return self

    @model_validator(mode="after")
    def _labels(self) -> "RunSpec":
        scoring = self.loss.of_labels
        if scoring and self.data.split == "zero-shot":
            raise ValueError(
                f"loss.weights names {scoring}, which scores the classes of the training split, but data.split is "
                '"zero-shot", where validation and test have other classes: set data.split = "closed"'
            )
        if self.evaluate.select == "label_map" and not scoring:
            raise ValueError(
                f'evaluate.select is "label_map" but no loss of loss.weights ({", ".join(self.loss.weights)}) scores '
                'labels: add lsep to the weights, or choose select = "map_at_r"'
            )
        return self

    @model_validator(mode="after")
    def _feature(self) -> "RunSpec":
        if self.evaluate.feature != "batch_normalised":
            return self
        if "classification" not in self.loss.weights:
            raise ValueError(
                f'evaluate.feature is "batch_normalised" but no loss of loss.weights ({", ".join(self.loss.weights)}) '
                "has a batch normalisation: add classification to the weights, or remove evaluate.feature"
            )
        if self.loss.scoring:
            raise ValueError(
                f'evaluate.feature is "batch_normalised" but loss.weights names {self.loss.scoring}, which scores the '
                "embedding: remove evaluate.feature"
            )
        section = self.loss.classification
        if "running" in section.model_fields_set and not section.running:
            raise ValueError(
                'evaluate.feature is "batch_normalised" but loss.classification.running is False, so the statistics '
                "of the normalisation are not kept: remove one of them"
            )
        return self

    @model_validator(mode="after")
    def _pairs(self) -> "RunSpec":
        for complaint in ranking_complaints(
            self.data, self.loss, self.graph, self.mine, self.train, self.evaluate
        ):
            raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _given_vectors(self) -> "RunSpec":
        for complaint in untrained_complaints(
            self.run, self.data, self.encoder, self.mine, self.train, self.loss
        ):
            raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _mining(self) -> "RunSpec":
        if self.mine.every != "never":
            return self
        if self.train.batches in ("neighbourhood", "triplets"):
            raise ValueError(
                f'mine.every is "never" but train.batches is "{self.train.batches}", which are composed from mined '
                'triplets: choose batches = "class_balanced", or remove mine.every'
            )
        if self.loss.triplets == "boundary":
            raise ValueError(
                'mine.every is "never" but loss.triplets is "boundary", whose k is chosen by mining: choose '
                'triplets = "semi_hard", or remove mine.every'
            )
        return self

    def mines(self, epoch: int) -> bool:
        """Whether the epoch mines."""
        mined = epoch - self.train.warmup_epochs
        return mined >= 0 and self.mine.every != "never" and mined % self.mine.every == 0

    def mined_before(self, epoch: int) -> list[int]:
        """The epochs before this one that mine, in order."""
        return [number for number in range(epoch) if self.mines(number)]

    def with_fitting_defaults(self) -> "RunSpec":
        """A copy whose unset keys have the defaults that suit its losses, batches and encoder."""
        run, train, mine, loss, evaluate = self.run, self.train, self.mine, self.loss, self.evaluate
        if train.batches == "triplets":
            mine = mine.with_defaults(order="random")
        if self.trains_stored:
            loss = loss.with_defaults(global_over="batch")
            named = train.model_fields_set | run.model_fields_set
            if named.isdisjoint({"epochs", "warmup_epochs", "images_per_epoch"}):
                # These epochs are 0.4 passes over the rows: about as many images in all as 3 whole passes.
                run, train = run.with_defaults(epochs=8), train.with_defaults(warmup_epochs=2)
        if evaluate.feature == "batch_normalised":
            classification = loss.classification.with_defaults(running=True)
            loss = loss.model_copy(update={"classification": classification})
        if loss.of_labels:
            evaluate = evaluate.with_defaults(select="label_map")
        if loss.of_pairs:
            evaluate = evaluate.with_defaults(select="pair_accuracy")
        if loss.of_pairs == "value_regression":
            mine = mine.with_defaults(every="never")
        if not self.encoder.learns:
            run, train = run.with_defaults(epochs=1), train.with_defaults(warmup_epochs=0)
            mine = mine.with_defaults(hardness="linear")  # no second epoch would learn from a dither
        sections = {"run": run, "train": train, "mine": mine, "loss": loss, "evaluate": evaluate}
        return self.model_copy(update=sections)

    @property
    def trains_stored(self) -> bool:
        """Whether stored triplets are trained on after the warm-up."""
        return self.triplet_rule in ("stored", "both")

    @property
    def triplet_rule(self) -> Literal["semi_hard", "boundary", "stored", "both"]:
        """Which triplets of a batch are trained on after the warm-up: loss.triplets with "auto" resolved."""
        if self.loss.triplets != "auto":
            return self.loss.triplets
        match self.train.batches:
            case "triplets":
                return "stored"
            case "class_balanced":
                return "semi_hard"
            case _:
                return "boundary"

    @property
    def root(self) -> Path:
        """The run directory, absolute."""
        directory = Path(self.run.directory or f"runs/{self.run.name}").expanduser()
        return (Path(self.base) / directory).resolve()

    @property
    def margin(self) -> float:
        """The margin of the triplet loss, in squared distance."""
        return self.mine.margin if self.loss.margin is None else self.loss.margin

    @property
    def training_threads(self) -> int:
        """Number of torch threads while training and embedding."""
        if self.train.compute_threads is not None:
            return self.train.compute_threads
        return 1 if self.run.deterministic else usable_threads()
