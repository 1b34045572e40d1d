"""The section of the run file that describes training."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from ...models.batches.settings import BalancedSettings, BatchShape, NeighbourhoodSettings
from ...models.optimiser_kind import OptimiserKind
from ...models.train.settings import (
    OptimiserSettings,
    Schedule,
    ScheduleSettings,
    TrainerSettings,
)
from .section import Section, execution, setting


class TrainSpec(Section):
    """[train]: one epoch of training on the mined triplets."""

    warmup_epochs: int = Field(default=1, ge=0)
    """First epochs without mining, on class-balanced batches: an untrained encoder has no useful neighbours."""
    batches: Literal["auto", "neighbourhood", "triplets", "class_balanced"] = "auto"
    """How batches are composed after the warm-up: of classes that the mined set confuses, of its stored triplets, or of
    random classes. "auto": of confused classes, unless a batch has room for all classes."""
    classes_per_batch: int = setting(BatchShape, "classes_per_batch")
    """Classes in a batch; all of them where there are fewer."""
    images_per_class: int = setting(BatchShape, "images_per_class")
    """Images of each; more where there are fewer classes than a batch holds, so that its size stays."""
    random_images: int = setting(BalancedSettings, "random_images", as_before=0)
    """Class-balanced batches: images of any classes in a batch, beside those of its classes, as in FaceNet's batches of
    few identities with 40 faces each and random others."""
    random_share: float = setting(NeighbourhoodSettings, "random_share")
    """Neighbourhood batches: share of a batch's classes drawn at random instead of by confusion. On 1,900 classes of
    glyphs (48 × 8 images, one seed, three learning rates) a quarter cost 0.003 to 0.01 of validation MAP@R."""
    negatives: Literal["nearest", "all"] = "nearest"
    """Neighbourhood batches: of each anchor and positive the nearest admissible negative, or all of them."""
    images_per_epoch: int | None = Field(default=None, ge=1)
    """Images seen in an epoch, rounded to whole batches; by default as many as the training split has, and 0.4 times as
    many where stored triplets are trained, which go stale before an epoch of that length ends."""
    optimiser: OptimiserKind = setting(OptimiserSettings, "optimiser")
    """Which optimiser of torch."""
    learning_rate: float = setting(OptimiserSettings, "learning_rate")
    """Of the encoder, before `schedule` and `warmup_steps`."""
    weight_decay: float = setting(OptimiserSettings, "weight_decay")
    """Of weights; biases and normalisation layers have none."""
    momentum: float = setting(OptimiserSettings, "momentum")
    """Of "sgd"."""
    clip_norm: float = setting(OptimiserSettings, "clip_norm")
    """Largest norm of the gradient; 0 leaves it as it is."""
    schedule: Schedule = setting(ScheduleSettings, "schedule")
    """The learning rate over the run. "cosine" ends with run.epochs, which can then not grow."""
    warmup_steps: int = setting(ScheduleSettings, "warmup_steps")
    """Steps over which the learning rate first rises."""
    step_every: int = setting(ScheduleSettings, "step_every")
    """Steps between two reductions of "step"."""
    step_factor: float = setting(ScheduleSettings, "step_factor")
    """What "step" multiplies the learning rate by."""
    autocast: bool = setting(TrainerSettings, "autocast")
    """Forward pass in bfloat16."""
    channels_last: bool = setting(TrainerSettings, "channels_last")
    """Keep images with their channels last in memory, which is faster on most GPUs."""
    compile: bool = setting(TrainerSettings, "compile")
    """The encoder by torch.compile; the first steps of an epoch take longer."""
    embed_rows: int | None = setting(TrainerSettings, "embed_rows")
    """Rows that a process pushes through the encoder at once; by default all of the batch that are its own. Fewer save
    memory and cost a second forward pass; the loss sees the whole batch all the same."""
    ema_decay: float | None = setting(TrainerSettings, "ema_decay")
    """Keep a moving average of the weights, which is then what embed, evaluate and export use; training goes on with
    the weights themselves. By default there is none."""
    frozen_epochs: int = Field(default=0, ge=0)
    """First epochs in which only `head` and the losses are trained: for an encoder that starts from given weights."""
    head: str | None = None
    """Module of the encoder that is trained in frozen epochs, by its name; by default the last layer with weights."""
    processes: int = Field(default=1, ge=1)
    """Training processes on one machine, each with its share of every batch: one for each GPU, or several on a CPU. The
    losses are those of one process, but for the last bits."""
    loader_workers: int = execution(0, ge=0)
    """Processes that read and augment images, for each training process; 0: a thread of its own."""
    checkpoint_steps: int = execution(200, ge=1)
    """Steps between two checkpoints within the epoch, from which a broken-off epoch continues."""
    compute_threads: int | None = Field(default=None, ge=1)
    """torch threads while training; by default OMP_NUM_THREADS, or one for each core left to the process; 1 when
    deterministic. Changes the last bits."""
    log: tuple[Literal["tensorboard", "mlflow", "wandb", "trackio"], ...] = execution((), max_length=4)
    """Where else metrics go: event files in the run's logs folder, or the server of MLFLOW_TRACKING_URI. Extras of the
    same names install what they need."""
    where: Literal["driver", "worker"] = execution("driver")
    """Train on the machine of the flow, or as a task on a worker."""

    @field_validator("log", mode="before")
    @classmethod
    def _one_log(cls, value: object) -> object:
        """One name stands for a list of one."""
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _random_images(self) -> "TrainSpec":
        if self.random_images and self.batches != "class_balanced":
            raise ValueError(
                f'train.random_images is {self.random_images} but train.batches is "{self.batches}": set batches = '
                '"class_balanced", or remove random_images'
            )
        return self

    @model_validator(mode="after")
    def _loader(self) -> "TrainSpec":
        if self.loader_workers and self.where == "worker":
            raise ValueError(
                f'train.loader_workers is {self.loader_workers} and train.where is "worker", but a worker may not have '
                'children: set loader_workers = 0 or where = "driver"'
            )
        return self
