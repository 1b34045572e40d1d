"""The train stage against a bare loop of the same model, batches and loss, in one process.

    python -m tests.benchmarks.bench_train [--rounds 5] [--images 7680] [--threads 1] [--loader-workers 0]

The bare loop has every batch in memory as a tensor and does what anyone would write: forward, distances, triplets,
loss, backward, clip, step. The trainer gets the same tensors; the stage reads and scales images through the data set
and leaves metrics, weights and state on disk. For memory, see bench_train_memory.py.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from torch import nn
from tripletmine.models.compute import use_threads
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.losses.global_loss import global_loss
from tripletmine.models.losses.triplet import triplet_loss
from tripletmine.models.rules.in_batch import InBatch
from tripletmine.models.train.processes import ALONE
from tripletmine.models.train.trainer import Trainer
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.resolve.encoder import load_encoder
from tripletmine.pipeline.resolve.objective import build_objective
from tripletmine.pipeline.resolve.trainer import trainer_settings
from tripletmine.pipeline.run.directory import Run, open_run
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.run.runner import make_job, run_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.stages.train import TRAIN
from tripletmine.pipeline.storage.publish import remove_tree
from tripletmine.pipeline.training.batches import TrainingInputs, training_inputs
from tripletmine.pipeline.training.images import batches_with_images
from tripletmine.pipeline.workers.serial import SerialExecutor

from .timing import Contender, compare, markdown

REF = StageRef(0, TRAIN.name)


def main() -> None:
    """Time all and print the ratios of their rates."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--images", type=int, default=7680)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--loader-workers", type=int, default=0)
    arguments = options.parse_args()
    train = {
        "images_per_epoch": arguments.images,
        "compute_threads": arguments.threads,
        "loader_workers": arguments.loader_workers,
    }
    with tempfile.TemporaryDirectory() as folder:
        keys = {"data": {"kind": "fashion-mnist"}, "run": {"epochs": 1}, "train": train}
        with open_run(parse_spec(keys, base=Path(folder))) as run:
            use_threads(arguments.threads)
            job = make_job(run, TRAIN, REF)
            inputs = training_inputs(job)
            batches = list(batches_with_images(job, inputs.batches, 0, ALONE))
            contenders = [
                Contender("bare loop, tensors in memory", lambda: bare_loop(run, inputs, batches)),
                Contender("trainer, tensors in memory", lambda: trained(run, inputs, batches)),
                Contender("train stage, images from the data set", lambda: stage(run)),
            ]
            timings = compare(contenders, arguments.rounds, warm_up=True)
    title = f"train, Fashion-MNIST, {len(batches)} batches of {len(batches[0][0])} images, convnet, CPU"
    print(markdown(f"{title}, {arguments.threads} thread(s)", timings))
    print(
        f"images/s as a share of the bare loop's: trainer {1 / timings[1].ratio:.3f} (wanted: at least 0.95), ",
        end="",
    )
    print(f"stage {1 / timings[2].ratio:.3f} (wanted: at least 0.85)")


def bare_loop(run: Run, inputs: TrainingInputs, batches: list) -> float:
    """The steps without a trainer; returns the last loss."""
    spec = run.spec
    encoder = load_encoder(run.root, spec, run.facts, None).train()
    encoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (missing in its overloads)
    optimiser = torch.optim.AdamW(
        encoder.parameters(), lr=spec.train.learning_rate, weight_decay=spec.train.weight_decay
    )
    total = torch.zeros(())
    for batch, images in batches:
        embeddings = nn.functional.normalize(encoder(images))
        distances = pairwise_sq_distances(embeddings)
        with torch.no_grad():
            classes = torch.from_numpy(batch.classes).long()
            picked = inputs.rule(InBatch(distances, classes, torch.from_numpy(batch.rows)))
        total = triplet_loss(distances, picked.trained, picked.active, margin=spec.margin)
        total = total + global_loss(distances, *picked.trained.shares, t_global=0.4, lambda_global=0.8)
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(encoder.parameters(), spec.train.clip_norm)
        optimiser.step()
    return total.item()


def trained(run: Run, inputs: TrainingInputs, batches: list) -> float:
    """The same steps by the trainer."""
    trainer = Trainer(
        load_encoder(run.root, run.spec, run.facts, None),
        build_objective(run.spec, classes=run.facts.classes),
        inputs.rule,
        trainer_settings(run.spec),
        total_steps=len(batches),
        seed=0,
    )
    return [trainer.step(batch, images).loss for batch, images in batches][-1]


def stage(run: Run) -> None:
    """Run the stage from scratch."""
    remove_tree(REF.folder(run.root))
    run_stage(run, TRAIN, REF, SerialExecutor(), Silent())


if __name__ == "__main__":
    main()
