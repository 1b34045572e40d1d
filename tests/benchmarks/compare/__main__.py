"""Training on mined triplets against mining inside the batch, image for image and second for second.

    python -m tests.benchmarks.compare glyphs
    python -m tests.benchmarks.compare fashion-mnist

Every contestant has the same encoder, optimiser, seeds and number of images; the learning rate of each is the best
of three on validation. Ours is the product on a run file, the peers are pytorch-metric-learning in a bare loop. Each
epoch's result is kept below --work, so the same command continues an interrupted comparison, and prints the table of
what is finished. Everything except our neighbour search runs on one core, so that several processes can share the
work: give each its own --only.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from ..results_files import publish
from .contestants import CONTESTANTS
from .data import Task, fashion_mnist, glyphs
from .runner import Comparison
from .table import Finished, markdown

TASKS: dict[str, Callable[[Path], Task]] = {
    "glyphs": lambda work: glyphs(work.parent / "glyphs"),
    "fashion-mnist": lambda _: fashion_mnist(),
}


def write(task: Task, finished: Finished, searches: dict[str, dict[float, float]]) -> str:
    """The table, also as results/<task>.md, with all numbers in results/<task>.json."""
    text = markdown(finished, task.images_per_pass)
    results = [result for seeds in finished.values() for result in seeds.values()]
    facts = {
        "task": asdict(task) | {"data": {k: v for k, v in task.data.items() if k not in ("path", "labels")}},
        "data digest by seed": {str(result.seed): result.digest for result in results},
        "validation MAP@R by learning rate": searches,
    }
    publish(task.name, text, facts, [asdict(result) for result in results])
    return text


def main() -> None:
    """Run what is missing, then print and write the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("task", choices=sorted(TASKS))
    options.add_argument("--work", type=Path, default=Path("runs/compare"), help="folder of what is kept")
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--only", nargs="+", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    options.add_argument("--seconds", type=float, default=float("inf"), help="begin no epoch after so long")
    arguments = options.parse_args()

    torch.set_num_threads(1)
    task = TASKS[arguments.task](arguments.work)
    comparison = Comparison(task, arguments.work, arguments.seconds)
    try:
        rates = comparison.search(arguments.only)
        for seed in arguments.seeds:
            for name in arguments.only:
                comparison.train(CONTESTANTS[name], seed, rates[name])
    finally:
        finished = comparison.finished()
        if finished:
            print(write(task, finished, comparison.searches()))


if __name__ == "__main__":
    main()
