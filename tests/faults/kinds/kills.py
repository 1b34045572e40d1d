"""kill -9 of the whole process group at random moments, each followed by the same command."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ...forked import Started
from ...waiting import eventually
from ..cases import Case, References, Tally
from ..product import Product, kill_group
from ..state import Done, at_work, computed, done, events, require_same

KIND = "kill -9 of the process group"

_MEAN_SECONDS = 0.1
"""Between the first sign of work and the kill. A task takes some 20 ms, so a kill lets a handful of them pass."""

_BEFORE_WORK = 0.2
"""Share of the kills that come before any work is done: in start-up, set-up, imports."""

_MOST_RUNS = 20
"""The limit for one case. A fast machine needs a few, since a run gets further between two kills there."""


def kill_anywhere(
    folder: Path, references: References, *, seed: int, times: int, variant: str = "small"
) -> Tally:
    """Start a run and kill it at random moments until it ends by itself, then the next run, until there were `times`
    kills."""
    chance = random.Random(seed)
    return _kills(folder, references, lambda product: _killed(product, chance), times=times, variant=variant)


def kill_one_stage(folder: Path, references: References, *, stage: str, times: int) -> Tally:
    """Kill runs in the same stage again and again."""
    seeds = itertools.count()
    return _kills(folder, references, lambda product: kill_in(product, stage, seed=next(seeds)), times=times)


def _kills(
    folder: Path,
    references: References,
    kill: Callable[[Product], bool],
    *,
    times: int,
    variant: str = "small",
) -> Tally:
    """`times` kills, whatever the speed of the machine: when `kill` finds nothing more to kill in a run, it is finished
    and compared, and the next one begins."""
    tally = Tally()
    for number in range(_MOST_RUNS):
        product = references.product(folder / str(number), variant)
        kept: list[tuple[int, set[Done]]] = []
        while tally.tried < times and kill(product):
            tally.tried += 1
            tally.where[at_work(product.root)] += 1
            kept.append((len(events(product.root)), done(product.root)))
        product.finish()
        require_same(product.root, references.finished(variant).root)
        tally.survived = tally.tried
        tally.recomputed += recomputed(product.root, kept)
        if tally.tried == times:
            return tally
    raise AssertionError(f"only {tally.tried} of {times} kills in {_MOST_RUNS} runs")


def recomputed(root: Path, kept: list[tuple[int, set[Done]]]) -> int:
    """How many tasks ran again. kept: (lines of the journal, tasks with a receipt) at each kill."""
    lines = events(root)
    return sum(len(tasks & set(computed(lines[count:]))) for count, tasks in kept)


def _killed(product: Product, chance: random.Random) -> bool:
    """Start the run and kill it at a random moment; False if it ended before."""
    process = product.start()
    try:
        if chance.random() < _BEFORE_WORK:
            time.sleep(chance.uniform(0.0, 3.0))
        else:
            _wait_for_work(product, process)
            time.sleep(chance.expovariate(1 / _MEAN_SECONDS))
        ended = process.poll()
    finally:
        kill_group(process)
    assert ended in (None, 0), f"ended with {ended}:\n{product.log[-2000:]}"
    return ended is None


def _wait_for_work(product: Product, process: Started) -> None:
    """Wait until this start has noted a finished task, after it opened the run."""
    count = len(events(product.root))
    eventually(lambda: len(events(product.root)) > count + 1 or process.poll() is not None, "the first task")


def kill_in(product: Product, stage: str, *, seed: int, seconds: float = 0.05) -> bool:
    """Start the run and kill it while this stage is at work; False if there was no such moment."""
    process = product.start()
    try:
        eventually(
            lambda: at_work(product.root) == stage or process.poll() is not None,
            f"{stage} at work",
            seconds=60,
        )
        time.sleep(random.Random(seed).expovariate(1 / seconds))
    finally:
        kill_group(process)
    return at_work(product.root) == stage


def kill_a_redo(folder: Path, references: References, *, seed: int) -> Tally:
    """`--from-stage` on a finished run, killed; then the run without it."""
    product = references.product(folder)
    product.finish()
    chance = random.Random(seed)
    tally = Tally()
    process = product.start(
        "--from-stage", chance.choice(["embed", "graph", "mine", "train"]), "--epoch", "1"
    )
    try:
        eventually(
            lambda: (product.root / "aside").exists() or process.poll() is not None, "results set aside"
        )
        time.sleep(chance.expovariate(2.0))
    finally:
        kill_group(process)
    tally.tried += 1
    tally.where[at_work(product.root)] += 1
    product.finish()
    require_same(product.root, references.finished().root)
    tally.survived += 1
    return tally


def cases() -> Iterator[Case]:
    """In the full form 257 kills: at random, in each stage, while run.keep deletes, and in redos."""
    yield Case(KIND, "short", partial(kill_anywhere, seed=0, times=3), short=True)
    for seed in range(1, 7):
        yield Case(KIND, f"seed {seed}", partial(kill_anywhere, seed=seed, times=25))
    for seed in range(7, 9):
        run = partial(kill_anywhere, seed=seed, variant="pruned", times=20)
        yield Case(KIND, f"seed {seed}, pruning", run)
    for stage in ("train", "evaluate", "embed", "graph", "mine", "test"):
        yield Case(KIND, f"in {stage}", partial(kill_one_stage, stage=stage, times=10))
    for seed in range(9, 13):
        yield Case(KIND, f"seed {seed}, redo", partial(kill_a_redo, seed=seed))
