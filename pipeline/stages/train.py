"""The train stage: one epoch on the mined triplets or pairs, or on class-balanced batches while warming up →
checkpoint, metrics.jsonl."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..artifacts.weights import ENCODER_FILE, STATE_FILE, first_weights
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import PROCESS_MIB, Phase, Plan, Task, TaskOutput, TaskResources
from ..resolve.batches import STORED_SHARE, images_per_epoch
from ..resolve.encoder import scaling_keys
from ..resolve.labels import label_keys
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_file
from ..storage.publish import published
from ..storage.receipts import Receipt
from ..training.checkpoints import TrainingProgress

METRICS_FILE = "metrics.jsonl"


def _parents(spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    if ref.epoch is not None and spec.mines(ref.epoch):
        return (*first_weights(ref), StageRef(ref.epoch, "mine"))
    return first_weights(ref)


def _keys(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> dict[str, Any]:
    keys = {
        "encoder": spec.encoder.result_keys(),
        "data": {**scaling_keys(spec), "augment": _augment_keys(spec)},
        "train": spec.train.result_keys(),
        "loss": {**spec.loss.result_keys(), "margin": spec.margin},
        "mine": {"nearer_positive": spec.mine.nearer_positive},
        **label_keys(facts),
    }
    if spec.mine.every != 1:
        keys["mine"]["every"] = spec.mine.every
    if spec.trains_stored and spec.train.images_per_epoch is None:
        keys["images_per_row"] = STORED_SHARE  # earlier versions showed each row once
    if spec.train.schedule == "cosine":
        # The learning rate of every step depends on where the run ends.
        keys["run.epochs"] = spec.run.epochs
    return keys


def _augment_keys(spec: RunSpec) -> dict[str, Any]:
    """Includes the digest of the user's augmentation file, if there is one: editing it changes what is trained."""
    keys = spec.data.augment.result_keys()
    path = Path(spec.base) / (spec.data.augment.factory or "").rpartition(":")[0]
    return {**keys, "file": digest_file(path) if path.suffix == ".py" and path.is_file() else None}


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    images = images_per_epoch(spec, facts.train)
    batch = spec.train.classes_per_batch * spec.train.images_per_class + spec.train.random_images
    at_once = min(batch, spec.train.embed_rows or batch)
    # Each process holds data about the rows and a working encoder, and all but the first another copy of torch; each
    # loader process holds torch and some batches.
    memory = PROCESS_MIB + (spec.train.processes - 1) * 500
    memory += spec.train.processes * ((at_once * facts.item_bytes * 4 * 256 + facts.train * 64) // 2**20)
    memory += spec.train.processes * spec.train.loader_workers * 300
    phase = Phase("epoch", (Task("epoch", 0, 0, images),), memory, on_driver=spec.train.where == "driver")
    return Plan(phases=(phase,), disk_bytes=64 * 2**20)


def _run_task(job: Job, _task: Task, resources: TaskResources) -> TaskOutput:
    from ...models.compute import use_threads
    from ...models.encoders.checkpoints import save_tensors, weights_to_use
    from ...models.train.processes import ALONE
    from ..training.epoch import train_epoch
    from ..training.launch import train_with_processes

    threads = min(resources.threads, job.spec.training_threads)
    progress = TrainingProgress(job.scratch)
    if job.spec.train.processes > 1:
        state = train_with_processes(job, progress, threads, resources.tick)
    else:
        use_threads(threads)
        state = train_epoch(job, progress, ALONE, resources.tick)

    with published(job.folder / ENCODER_FILE) as partial:
        save_tensors(partial, weights_to_use(state))
    with published(job.folder / STATE_FILE) as partial:
        save_tensors(partial, state)
    progress.publish_metrics(job.folder / METRICS_FILE)
    report = _summary(job)
    return TaskOutput(files=(ENCODER_FILE, STATE_FILE, METRICS_FILE), rows=report["steps"], report=report)


def _summary(job: Job) -> dict[str, Any]:
    """Means over the epoch; of the loss also over its first and last tenth, so that the trend shows without a plot."""
    with (job.folder / METRICS_FILE).open() as file:
        lines = [json.loads(line) for line in file]
    tenth = max(1, len(lines) // 10)
    mean = lambda part, key: sum(line[key] for line in part) / len(part)  # noqa: E731
    return {
        "steps": len(lines),
        "images": sum(line["images"] for line in lines),
        "triplets": sum(line["triplets"] for line in lines),
        "steps_without_triplet": sum(not line["updated"] for line in lines),
        "loss": mean(lines, "loss"),
        "loss_first_tenth": mean(lines[:tenth], "loss"),
        "loss_last_tenth": mean(lines[-tenth:], "loss"),
        "active_share": mean(lines, "active_share"),
        **_met(job, lines),
    }


def _met(job: Job, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean number of mined triplets that met in a batch, and how many different ones met in the epoch."""
    counted = [line for line in lines if "mined_met" in line]  # earlier versions did not count
    if not counted:
        return {}
    mined, met = int(job.parent("mine").manifest.report["counts"]["triplets"]), counted[-1]["mined_met"]
    return {
        "mined_in_batch": sum(line["mined_in_batch"] for line in counted) / len(counted),
        "mined_met": met,
        "mined_met_share": met / max(1, mined),
    }


def _report(_job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    return dict(receipts[0].report)


TRAIN = Stage("train", _parents, _keys, _plan, _run_task, _report)
