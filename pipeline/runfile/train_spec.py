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
    """[train]: training on the mined triplets."""

    warmup_epochs: int = Field(default=1, ge=0)
    """Number of first epochs without mining, on class-balanced batches: an untrained encoder has no useful
    neighbours."""
    batches: Literal["auto", "neighbourhood", "triplets", "class_balanced"] = "auto"
    """How batches are composed after the warm-up: from classes that mining found confused ("neighbourhood"), from
    stored triplets ("triplets"), or from random classes ("class_balanced"). "auto": "neighbourhood", or
    "class_balanced" if all classes fit into one batch or nothing is mined."""
    classes_per_batch: int = setting(BatchShape, "classes_per_batch")
    """Classes in a batch; all of them if there are fewer."""
    images_per_class: int = setting(BatchShape, "images_per_class")
    """Images per class in a batch; more if there are fewer than `classes_per_batch` classes, so that the batch size
    stays the same."""
    random_images: int = setting(BalancedSettings, "random_images", as_before=0)
    """Class-balanced batches: additional images of any class in a batch, as in FaceNet, whose batches hold about 40
    faces of each of a few identities and random other faces."""
    random_share: float = setting(NeighbourhoodSettings, "random_share")
    """Neighbourhood batches: share of a batch's classes drawn at random instead of by confusion. On 1,900 classes of
    glyphs (48 × 8 images, one seed, three learning rates) a quarter cost 0.003 to 0.01 of validation MAP@R."""
    negatives: Literal["nearest", "all"] = "nearest"
    """Neighbourhood batches: pair each anchor and positive with the nearest admissible negative, or with all."""
    images_per_epoch: int | None = Field(default=None, ge=1)
    """Images per epoch, rounded to whole batches. By default the size of the training split, or 0.4 times that with
    stored triplets, which go stale before a full pass ends."""
    optimiser: OptimiserKind = setting(OptimiserSettings, "optimiser")
    """The torch optimiser."""
    learning_rate: float = setting(OptimiserSettings, "learning_rate")
    """Learning rate of the encoder, before `schedule` and `warmup_steps` are applied."""
    weight_decay: float = setting(OptimiserSettings, "weight_decay")
    """Weight decay; not applied to biases and normalisation layers."""
    momentum: float = setting(OptimiserSettings, "momentum")
    """Momentum of "sgd"."""
    clip_norm: float = setting(OptimiserSettings, "clip_norm")
    """Largest norm of the gradient; 0 turns clipping off."""
    schedule: Schedule = setting(ScheduleSettings, "schedule")
    """Schedule of the learning rate. "cosine" ends at run.epochs, which cannot be raised later."""
    warmup_steps: int = setting(ScheduleSettings, "warmup_steps")
    """Steps over which the learning rate rises at the start."""
    step_every: int = setting(ScheduleSettings, "step_every")
    """schedule = "step": steps between two reductions of the learning rate."""
    step_factor: float = setting(ScheduleSettings, "step_factor")
    """schedule = "step": factor of each reduction."""
    autocast: bool = setting(TrainerSettings, "autocast")
    """Run the forward pass in bfloat16."""
    channels_last: bool = setting(TrainerSettings, "channels_last")
    """Store images with channels last in memory, which is faster on most GPUs."""
    compile: bool = setting(TrainerSettings, "compile")
    """Compile the encoder with torch.compile; the first steps of an epoch take longer."""
    embed_rows: int | None = setting(TrainerSettings, "embed_rows")
    """Rows that a process passes through the encoder at once; by default its whole share of the batch. Fewer rows need
    less memory but a second forward pass; the loss still uses the whole batch."""
    ema_decay: float | None = setting(TrainerSettings, "ema_decay")
    """Decay of a moving average of the weights, which embed, evaluate and export then use; training itself continues
    with the weights. By default there is no average."""
    frozen_epochs: int = Field(default=0, ge=0)
    """Number of first epochs in which only `head` and the losses are trained, for a pretrained encoder."""
    head: str | None = None
    """Name of the encoder's module that is trained in frozen epochs; by default the last layer with weights."""
    processes: int = Field(default=1, ge=1)
    """Training processes on one machine, each with its share of every batch: one per GPU, or several on a CPU. The loss
    is the same as with one process, except for the last bits."""
    loader_workers: int = execution(0, ge=0)
    """Processes per training process that read and augment images; 0: a thread instead."""
    checkpoint_steps: int = execution(200, ge=1)
    """Steps between two checkpoints within an epoch, from which an interrupted epoch continues."""
    compute_threads: int | None = Field(default=None, ge=1)
    """torch threads while training and embedding. By default OMP_NUM_THREADS, or one per core that the process may use;
    1 if run.deterministic. Changes the last bits of results."""
    log: tuple[Literal["tensorboard", "mlflow", "wandb", "trackio"], ...] = execution((), max_length=4)
    """Where else metrics are logged: "tensorboard" writes event files to the run's logs folder, "mlflow" uses the
    server at MLFLOW_TRACKING_URI. Install the extra of the same name."""
    where: Literal["driver", "worker"] = execution("driver")
    """Train on the machine of the flow ("driver"), or as a task on a worker."""

    @field_validator("log", mode="before")
    @classmethod
    def _one_log(cls, value: object) -> object:
        """Accept a single name as a list of one."""
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
                f'train.loader_workers is {self.loader_workers} and train.where is "worker", but a worker cannot start '
                'processes: set loader_workers = 0 or where = "driver"'
            )
        return self
