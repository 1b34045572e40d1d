"""The embed stage against a bare forward loop over the same images, in one process.

    python -m tests.benchmarks.bench_embed [--rounds 5]

The bare loop has the images in memory as one array and does what anyone would write: scale, forward, normalise,
collect. The stage reads through the data set, checks, and writes checksummed Zarr.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.resolve.encoder import load_encoder
from tripletmine.pipeline.run.directory import Run, open_run
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.run.runner import run_stage
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.stages.embed import EMBED
from tripletmine.pipeline.storage.publish import remove_tree
from tripletmine.pipeline.workers.opened import data_of, rows_of
from tripletmine.pipeline.workers.serial import SerialExecutor

from .timing import Contender, compare, markdown


def main() -> None:
    """Time both and print the ratio of their rates."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = {"data": {"kind": "fashion-mnist"}, "train": {"warmup_epochs": 0}, "run": {"epochs": 1}}
        with open_run(parse_spec(keys, base=Path(folder))) as run:
            images = all_images(run)
            contenders = [
                Contender("bare forward loop", lambda: bare_loop(run, images)),
                Contender("embed", lambda: embed(run)),
            ]
            timings = compare(contenders, arguments.rounds, warm_up=True)
            rows = run.facts.train
    print(markdown(f"embed, Fashion-MNIST, {rows:,} images, convnet, CPU", timings))
    print(
        f"images/s of embed as a share of the bare loop's: {1 / timings[1].ratio:.3f} (wanted: at least 0.9)"
    )


def all_images(run: Run) -> np.ndarray:
    """The training images in memory."""
    rows = rows_of(run.root, run.facts.data_digest)
    return data_of(run.root, run.spec, run.facts.data_digest).read(rows.sources(rows.range("train")))


def bare_loop(run: Run, images: np.ndarray) -> np.ndarray:
    """A forward pass over all images."""
    encoder = load_encoder(run.root, run.spec, run.facts, None).eval()
    torch.set_num_threads(run.spec.training_threads)
    step = run.spec.embed.batch_rows
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), step):
            # Channels last, as the stage has them: with the other layout this loop takes more than twice as long.
            batch = torch.from_numpy(images[start : start + step]).unsqueeze(-1).float().div_(255)
            batch = batch.permute(0, 3, 1, 2)
            parts.append(torch.nn.functional.normalize(encoder(batch)).numpy())
    return np.concatenate(parts)


def embed(run: Run) -> None:
    """Run the stage from scratch."""
    ref = StageRef(0, EMBED.name)
    remove_tree(ref.folder(run.root))
    run_stage(run, EMBED, ref, SerialExecutor(), Silent())


if __name__ == "__main__":
    main()
