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
    """run.keep: how many epochs' artifacts stay on disk. Manifests always stay."""

    embeddings: Count | Literal["all"] = execution(1)
    """Epochs, from the last, whose embeddings stay."""
    graph: Count | Literal["all"] = execution(2)
    """Epochs, from the last, whose neighbour tables and indexes stay."""
    triplets: Count | Literal["all"] = execution("all")
    """Epochs, from the last, whose triplets stay."""
    checkpoints: Literal["best+last", "all"] = execution("best+last")
    """Whose weights stay: the best epoch's on validation and the last one's, or all."""


class RunSection(Section):
    """[run]: the run itself."""

    name: str = execution("run", min_length=1, max_length=100, pattern=r"^\w[\w.-]*$")
    """What the run is called: letters, digits, "_", "-" and "."."""
    directory: str | None = execution(None)
    """Where the run lives; relative to the run file, "~" is one's home. By default runs/<name>."""
    epochs: int = execution(3, ge=1)
    """Epochs in all, warm-up included. It may grow: no epoch depends on how many follow, unless train.schedule is
    "cosine". Where stored triplets are trained, epochs are shorter, and by default there are 8, of which 2 warm up."""
    patience: int | None = execution(None, ge=1)
    """End the run after so many epochs in a row, warm-up aside, without a better evaluate.select on validation; raised
    or removed, a run that has ended so goes on. By default all epochs are run."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """All random numbers follow from it: splits, first weights, batches, samples."""
    deterministic: bool = False
    """The same bytes on any number of workers, for one kind of machine and one set of versions."""
    report: bool = execution(False)
    """At its end, write report.html into the run directory: `tripletmine report`."""
    keep: KeepSpec = KeepSpec()


class ClusterSpec(Section):
    """[cluster]: where tasks run. Nothing here changes a result."""

    kind: Literal["serial", "local", "dask"] = execution("serial")
    """In this process, on worker processes of this machine, or on the scheduler at `address`."""
    address: str | None = execution(None)
    """kind = "dask": the scheduler, as in tcp://10.0.0.1:8786."""
    workers: int | None = execution(None, ge=1)
    """kind = "local": worker processes; by default one for each core."""
    worker_memory_mib: int | None = execution(None, ge=256)
    """kind = "local": memory of one worker; by default an equal share of the machine's."""
    retries: int = execution(2, ge=0)
    """How often a failed task is tried again; lost workers do not count."""
    timeout_seconds: float = execution(10.0, gt=0)
    """How long to wait for a scheduler and its first worker."""

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
                f'loss.triplets is "{triplets}" but train.batches is "{batches}", which bring no stored triplets: '
                'choose batches = "triplets", or triplets = "auto"'
            )
        if triplets != "auto" and not self.loss.of_triplets:
            raise ValueError(
                f'loss.triplets is "{triplets}" but no loss of loss.weights ({named}) learns from triplets: add '
                "triplet to the weights, or remove the key"
            )
        if "global" in self.loss.weights and self.encoder.learns and not self.encoder.normalise:
            raise ValueError(
                "loss.weights names global but encoder.normalise is false, and the global loss compares distances with "
                "those of unit vectors: take global out of the weights, or normalise"
            )
        return self

    @model_validator(mode="after")
    def _labels(self) -> "RunSpec":
        scoring = self.loss.of_labels
        if scoring and self.data.split == "zero-shot":
            raise ValueError(
                f"loss.weights names {scoring}, which scores the classes of the training split, but data.split is "
                '"zero-shot", in which validation and test have others: set data.split = "closed"'
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
                f'evaluate.feature is "batch_normalised" but loss.weights names {self.loss.scoring}, whose scores are '
                "those of the embedding: remove evaluate.feature"
            )
        section = self.loss.classification
        if "running" in section.model_fields_set and not section.running:
            raise ValueError(
                'evaluate.feature is "batch_normalised" but loss.classification.running is False, without which the '
                "normalisation is not kept: remove one of them"
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
                f'mine.every is "never" but train.batches is "{self.train.batches}", which are composed of what was '
                'mined: choose batches = "class_balanced", or remove mine.every'
            )
        if self.loss.triplets == "boundary":
            raise ValueError(
                'mine.every is "never" but loss.triplets is "boundary", whose k is chosen by mining: choose '
                'triplets = "semi_hard", or remove mine.every'
            )
        return self

    def mines(self, epoch: int) -> bool:
        """Whether an epoch mines."""
        mined = epoch - self.train.warmup_epochs
        return mined >= 0 and self.mine.every != "never" and mined % self.mine.every == 0

    def mined_before(self, epoch: int) -> list[int]:
        """The epochs before this one that mine, in order."""
        return [number for number in range(epoch) if self.mines(number)]

    def with_fitting_defaults(self) -> "RunSpec":
        """With what fits batches of stored triplets, scores of labels and given vectors, for keys that the run file
        does not name."""
        run, train, mine, loss, evaluate = self.run, self.train, self.mine, self.loss, self.evaluate
        if train.batches == "triplets":
            mine = mine.with_defaults(order="random")
        if self.trains_stored:
            loss = loss.with_defaults(global_over="batch")
            named = train.model_fields_set | run.model_fields_set
            if named.isdisjoint({"epochs", "warmup_epochs", "images_per_epoch"}):
                # Of 0.4 passes over the rows each: about the images of the defaults for whole passes.
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
        """Whether the stored triplets are among those that are trained after the warm-up."""
        return self.triplet_rule in ("stored", "both")

    @property
    def triplet_rule(self) -> Literal["semi_hard", "boundary", "stored", "both"]:
        """Which triplets of a batch are trained after the warm-up: loss.triplets with "auto" resolved."""
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
        """The margin of the loss."""
        return self.mine.margin if self.loss.margin is None else self.loss.margin

    @property
    def training_threads(self) -> int:
        """torch threads while training and embedding."""
        if self.train.compute_threads is not None:
            return self.train.compute_threads
        return 1 if self.run.deterministic else usable_threads()
