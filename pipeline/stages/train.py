"""train: one epoch on what was mined (or on class-balanced batches, while warming up) → checkpoint, metrics.jsonl."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..embedding import ENCODER_FILE, first_weights, scaling_keys, scaling_of
from ..spec.run_spec import RunSpec
from ..storage.publish import published
from ..storage.receipts import Receipt
from ..training_progress import TrainingProgress
from ..worker_state import data_of, rows_of
from .base import Job, Means, Phase, Plan, RunFacts, Stage, StageRef, Task, Written

if TYPE_CHECKING:
    from torch import Tensor

    from ...models.batches.batch import Batch, BatchPlan
    from ...models.training import Trainer
    from ..training_inputs import TrainingInputs

STATE_FILE = "state.safetensors"
METRICS_FILE = "metrics.jsonl"


def _parents(spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    if ref.epoch is not None and ref.epoch >= spec.train.warmup_epochs:
        return (*first_weights(ref), StageRef(ref.epoch, "mine"))
    return first_weights(ref)


def _keys(spec: RunSpec) -> dict[str, Any]:
    keys = {
        "encoder": spec.encoder.result_keys(),
        "data": {**scaling_keys(spec), "augment": spec.data.augment.result_keys()},
        "train": spec.train.result_keys(),
        "loss": {**spec.loss.result_keys(), "margin": spec.margin},
        "mine": {"nearer_positive": spec.mine.nearer_positive},
    }
    if spec.train.schedule == "cosine":
        # The learning rate of every step depends on where the run ends.
        keys["run.epochs"] = spec.run.epochs
    return keys


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    images = spec.train.images_per_epoch or facts.train
    batch = spec.train.classes_per_batch * spec.train.images_per_class
    memory = 500 + (batch * facts.item_bytes * 4 * 256 + facts.train * 64) // 2**20
    phase = Phase("epoch", (Task("epoch", 0, 0, images),), memory, on_driver=spec.train.where == "driver")
    return Plan(phases=(phase,), disk_bytes=64 * 2**20)


def _run_task(job: Job, task: Task, means: Means) -> Written:
    from ...models.compute import use_threads
    from ..training_inputs import training_inputs

    use_threads(min(means.threads, job.spec.training_threads))
    inputs = training_inputs(job)
    trainer = _trainer(job, inputs)
    progress = TrainingProgress(job.scratch)
    done = _restore(job, trainer, progress)
    means.tick(min(task.rows, done * (task.rows // inputs.batches.steps)))

    images = 0
    for step, (batch, tensor) in enumerate(_loaded(job, inputs.batches, done), start=done):
        record = trainer.step(batch, tensor)
        progress.record({"epoch": job.ref.epoch, "epoch_step": step, **asdict(record)})
        images += len(batch)
        means.tick(len(batch))
        if (step + 1) % job.spec.train.checkpoint_steps == 0 and step + 1 < inputs.batches.steps:
            progress.checkpoint(step + 1, trainer.state())
    return _publish(job, trainer, progress, inputs.batches.steps)


def _trainer(job: Job, inputs: "TrainingInputs") -> "Trainer":
    from ...models.compute import device_named
    from ...models.training import Trainer
    from ..encoder import load_encoder
    from ..training_inputs import trainer_settings

    spec = job.spec
    start = job.root / job.facts.weights if job.facts.weights else None
    return Trainer(
        load_encoder(job.root, spec, job.facts, start),
        inputs.rule,
        trainer_settings(spec),
        total_steps=inputs.batches.steps * spec.run.epochs,
        seed=spec.run.seed,
        device=device_named(spec.embed.device),
        mined=inputs.mined,
    )


def _restore(job: Job, trainer: "Trainer", progress: TrainingProgress) -> int:
    """Load where this epoch stopped, or the end of the epoch before; returns the steps done in this epoch."""
    from ...models.checkpoints import load_tensors

    resumed = progress.resume()
    if resumed is not None:
        trainer.load_state(resumed.state)
        return resumed.step
    if any(ref.stage == "train" for ref in job.parent_digests):
        trainer.load_state(load_tensors(job.parent("train").checked(STATE_FILE))[0])
    return 0


def _loaded(job: Job, plan: "BatchPlan", start: int) -> Iterator[tuple["Batch", "Tensor"]]:
    """Batches with their augmented images; the next one is read and augmented while this one is trained."""
    from ...models.transforms import AugmentSettings, TrainTransform

    rows = rows_of(job.root, job.facts.data_digest)
    data = data_of(job.root, job.spec, job.facts.data_digest)
    sources = rows.sources(rows.range("train"))
    augment = job.spec.data.augment
    transform = TrainTransform(
        scaling_of(job.spec), AugmentSettings(shift=augment.shift, flip=augment.flip), seed=job.seed()
    )

    def load(step: int, batch: "Batch") -> "Tensor":
        return transform(data.read(sources[batch.rows]), step)

    batches = enumerate(plan.batches(start), start=start)
    with ThreadPoolExecutor(1) as reader:
        ahead = None
        for step, batch in batches:
            following = (batch, reader.submit(load, step, batch))
            if ahead is not None:
                yield ahead[0], ahead[1].result()
            ahead = following
        if ahead is not None:
            yield ahead[0], ahead[1].result()


def _publish(job: Job, trainer: "Trainer", progress: TrainingProgress, steps: int) -> Written:
    from ...models.checkpoints import save_encoder, save_tensors

    with published(job.folder / ENCODER_FILE) as partial:
        save_encoder(partial, trainer.encoder)
    with published(job.folder / STATE_FILE) as partial:
        save_tensors(partial, trainer.state())
    progress.publish_metrics(job.folder / METRICS_FILE)
    return Written(files=(ENCODER_FILE, STATE_FILE, METRICS_FILE), rows=steps, report=_summary(job))


def _summary(job: Job) -> dict[str, Any]:
    """Means over the epoch, of its first and of its last tenth, so that the trend shows without a plot."""
    with (job.folder / METRICS_FILE).open() as file:
        lines = [json.loads(line) for line in file]
    tenth = max(1, len(lines) // 10)
    mean = lambda part, key: sum(line[key] for line in part) / len(part)  # noqa: E731
    mined = [line["mined_share"] for line in lines if line["mined_share"] is not None]
    return {
        "steps": len(lines),
        "images": sum(line["images"] for line in lines),
        "triplets": sum(line["triplets"] for line in lines),
        "steps_without_triplet": sum(not line["updated"] for line in lines),
        "loss": mean(lines, "loss"),
        "loss_first_tenth": mean(lines[:tenth], "loss"),
        "loss_last_tenth": mean(lines[-tenth:], "loss"),
        "active_share": mean(lines, "active_share"),
        "mined_share": sum(mined) / len(mined) if mined else None,
    }


def _report(_job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    return dict(receipts[0].report)


TRAIN = Stage("train", _parents, _keys, _plan, _run_task, _report)
