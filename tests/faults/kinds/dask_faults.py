"""Dask: workers killed, frozen, starved or late, the scheduler killed, a task that always fails."""

import random
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sklearn.datasets import load_digits

from ...forked import Started
from ...waiting import eventually
from ..cases import Case, References, Tally
from ..dask_cluster import DaskCluster
from ..product import Product, kill_group
from ..state import at_work, computed, events, require_same

KIND = "Dask"
VARIANT = "slow"


def _product(folder: Path, references: References) -> Product:
    """A run whose tasks take a while to embed, as the files in `folder`/told say."""
    told = folder / "told"
    told.mkdir(parents=True)
    (told / "slow").write_text("0.2")
    return references.product(folder, VARIANT)


def _cluster(folder: Path, **settings: str) -> DaskCluster:
    return DaskCluster(folder, FAULTS_FOLDER=str(folder / "told"), **settings)


@contextmanager
def _started(product: Product, cluster: DaskCluster) -> Iterator[Started]:
    """The run on the cluster; no process of it is left afterwards."""
    process = product.start("--executor", cluster.address)
    try:
        yield process
    finally:
        kill_group(process)


@contextmanager
def _embedding(product: Product, cluster: DaskCluster) -> Iterator[Started]:
    """The same, in the middle of embedding."""
    with _started(product, cluster) as process:
        eventually(lambda: at_work(product.root) == "embed" or process.poll() is not None, "embed at work")
        yield process


def _end(process: Started, product: Product, references: References) -> None:
    eventually(lambda: process.poll() is not None, "the end of the run", seconds=200)
    assert process.returncode == 0, product.log
    require_same(product.root, references.finished(VARIANT).root)
    tasks = computed(events(product.root))
    assert len(tasks) == len(set(tasks)), "a task was taken twice"


def workers_killed(folder: Path, references: References, *, times: int, seed: int) -> Tally:
    """Kill one of three workers in the middle of a task and replace it, again and again, in one run."""
    product = _product(folder, references)
    chance = random.Random(seed)
    tally = Tally()
    # A task may be hit more often than Dask's default allows; that is another case.
    with closing(_cluster(folder, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="100")) as cluster:
        for _ in range(3):
            cluster.add_worker()
        with _embedding(product, cluster) as process:
            while tally.tried < times and process.poll() is None:
                seen = len(events(product.root))
                eventually(
                    lambda seen=seen: len(events(product.root)) > seen or process.poll() is not None, "a task"
                )
                if at_work(product.root) in ("embed", "evaluate", "test") and process.poll() is None:
                    cluster.kill_worker(chance.randrange(2))
                    cluster.add_worker()
                    tally.tried += 1
            _end(process, product, references)
    tally.survived = tally.tried
    assert tally.tried >= min(times, 1)
    return tally


def scheduler_killed(folder: Path, references: References) -> Tally:
    """The run ends with one message; with a new scheduler the same command continues."""
    product = _product(folder, references)
    with closing(_cluster(folder)) as cluster:
        cluster.add_worker()
        with _embedding(product, cluster) as process:
            cluster.kill_scheduler()
            eventually(lambda: process.poll() is not None, "the end without a scheduler", seconds=120)
            assert process.returncode == 1, product.log
            assert "the Dask scheduler was lost" in product.log
            assert "Traceback" not in product.log
        cluster.start_scheduler()
        cluster.add_worker()  # the first one ended with its scheduler, as Dask's workers do
        with _started(product, cluster) as process:
            _end(process, product, references)
    return Tally(tried=1, survived=1)


def worker_frozen(folder: Path, references: References) -> Tally:
    """A frozen worker's tasks go to another when the scheduler misses it; thawed, it does no harm."""
    product = _product(folder, references)
    with closing(_cluster(folder, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="5s")) as cluster:
        cluster.add_worker()
        cluster.add_worker()
        with _embedding(product, cluster) as process, cluster.frozen(0) as frozen:
            seen = at_work(product.root)
            eventually(lambda: at_work(product.root) != seen or process.poll() is not None, "the next stage")
            cluster.signal_group(frozen, signal.SIGCONT)
            _end(process, product, references)
    return Tally(tried=1, survived=1)


def out_of_memory(folder: Path, references: References) -> Tally:
    """A worker that eats all its memory is killed by its nanny; the task runs again."""
    product = _product(folder, references)
    with closing(_cluster(folder)) as cluster:
        cluster.add_worker("--memory-limit", "1500MiB")
        (folder / "told" / "hungry").touch()
        with _started(product, cluster) as process:
            _end(process, product, references)
    assert not (folder / "told" / "hungry").exists(), "no worker was ever hungry"
    return Tally(tried=1, survived=1)


def late_worker(folder: Path, references: References) -> Tally:
    """A worker that joins when the run is at work gets tasks, too."""
    product = _product(folder, references)
    with closing(_cluster(folder)) as cluster:
        cluster.add_worker()
        with _embedding(product, cluster) as process:
            cluster.add_worker()
            _end(process, product, references)
    workers = {event["pid"] for event in events(product.root) if event["event"] == "task"}
    assert len(workers) >= 3, "the flow's own process, the first worker and the late one"
    return Tally(tried=1, survived=1)


def always_failing(folder: Path, references: References) -> Tally:
    """A task that always fails is named with its rows, and the others are committed; then it is mended."""
    product = _product(folder, references)
    undisturbed = references.finished(VARIANT)
    told = folder / "told"
    with closing(_cluster(folder)) as cluster:
        cluster.add_worker()
        with _embedding(product, cluster) as process:
            (told / "broken").write_text(_sum_of_an_item(undisturbed.root))
            eventually(lambda: process.poll() is not None, "the end of a run with a broken task", seconds=200)
            assert process.returncode == 1, product.log
            assert "(rows " in product.log, product.log
            assert "failed 3 time(s)" in product.log, product.log
            assert "this item breaks the encoder" in product.log
        (told / "broken").unlink()
        with _started(product, cluster) as process:
            _end(process, product, references)
    return Tally(tried=1, survived=1)


def _sum_of_an_item(root: Path) -> str:
    """The sum of the pixels, in [0, 1], of the run's last training row."""
    rows = pq.read_table(root / "rows.parquet")
    train = rows.filter([split == "train" for split in rows["split"].to_pylist()])
    source = train["source"].to_pylist()[-1]
    digits: Any = load_digits()
    pixels = np.rint(digits.images[source] * (255 / 16))
    return str(pixels.sum() / 255)


def cases() -> Iterator[Case]:
    """One of each; in the full form at least twenty workers killed in one run."""
    yield Case(KIND, "a worker killed", partial(workers_killed, times=2, seed=0), short=True)
    yield Case(KIND, "workers killed", partial(workers_killed, times=24, seed=1))
    yield Case(KIND, "the scheduler killed", scheduler_killed)
    yield Case(KIND, "a worker frozen, and thawed", worker_frozen)
    yield Case(KIND, "a worker out of memory", out_of_memory)
    yield Case(KIND, "a worker that joins late", late_worker)
    yield Case(KIND, "a task that always fails", always_failing)
