"""One epoch of training in one process, which may be one of several."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from ...models.compute import device_named
from ...models.encoders.checkpoints import load_tensors
from ...models.train.metric_logs import open_logs
from ...models.train.processes import Processes
from ...models.train.trainer import Trainer
from ..artifacts.weights import STATE_FILE
from ..plan.stage import Job
from ..resolve.encoder import load_encoder
from .batches import TrainingInputs, training_inputs
from .checkpoints import TrainingProgress
from .images import batches_with_images
from .meetings import meetings_of
from .trainer import new_trainer

if TYPE_CHECKING:
    from torch import Tensor


def train_epoch(
    job: Job, progress: TrainingProgress, processes: Processes, tick: Callable[[int], None]
) -> Mapping[str, "Tensor"]:
    """Train from where the epoch stopped, or from the end of the previous epoch; returns the trainer's state.

    The first process writes checkpoints and metrics. If the epoch has mined triplets, metrics count those that met in
    each batch, and the different ones that met so far. tick: called with the number of images of each step.
    Raises: ModelError for a loss that is not finite, or too little memory; errors of the data set.
    """
    inputs = training_inputs(job)
    trainer = _trainer(job, inputs, processes)
    done = _restore(job, trainer, progress)
    tick(progress.images_since(0)[0])
    meetings = meetings_of(job) if processes.writes else None
    if meetings is not None:
        for batch in islice(
            inputs.batches.batches(), done
        ):  # without images: count what met before the interruption
            meetings.see(batch.rows)
    steps, every = inputs.batches.steps, job.spec.train.checkpoint_steps
    # Only the first process logs. The state at the end of the epoch is returned to the caller; with several processes
    # the caller runs elsewhere, so it is also written as a checkpoint.
    names = job.spec.train.log if processes.writes else ()
    with open_logs(names, job.root / "logs", title=job.spec.run.name, first_step=trainer.step_number) as log:
        for batch, images in batches_with_images(job, inputs.batches, done, processes):
            line = trainer.step(batch, images).as_line()
            done += 1
            tick(len(batch))
            if not processes.writes:
                continue
            if meetings is not None:
                line["mined_in_batch"] = meetings.see(batch.rows)
                line["mined_met"] = meetings.distinct
            progress.record({"epoch": job.ref.epoch, "epoch_step": done - 1, **line})
            log({key: value for key, value in line.items() if key != "step"}, line["step"])
            if done % every == 0 if done < steps else processes.count > 1:
                progress.checkpoint(done, trainer.state())
    return trainer.state()


def _trainer(job: Job, inputs: TrainingInputs, processes: Processes) -> Trainer:
    spec = job.spec
    start = job.root / job.facts.weights if job.facts.weights else None
    device = device_named(spec.embed.device)
    encoder = load_encoder(job.root, spec, job.facts, start)
    return new_trainer(
        spec,
        job.facts,
        encoder,
        inputs.rule,
        epoch=job.ref.epoch or 0,
        total_steps=inputs.batches.steps * spec.run.epochs,
        device=device,
        processes=processes,
    )


def _restore(job: Job, trainer: Trainer, progress: TrainingProgress) -> int:
    """Load the state where this epoch stopped, or the end of the previous epoch; returns the steps done in this
    epoch."""
    resumed = progress.resume()
    if resumed is not None:
        trainer.load_state(resumed.state)
        return resumed.step
    if any(ref.stage == "train" for ref in job.parent_digests):
        trainer.load_state(load_tensors(job.parent("train").checked(STATE_FILE))[0])
    return 0
