"""A run over given vectors on Dask workers: its time, and the memory of the driver and of a worker."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from tripletmine.pipeline.run.status import read_status

_MIB = 2**20
_PERIOD_SECONDS = 1.0
_ASKED = 10_000

_RUN_FILE = """
[run]
name = "on-workers"
epochs = 1
[data]
kind = "arrays"
path = "vectors.npy"
labels = "labels.npy"
validation = {share}
test = {share}
[encoder]
name = "identity"
embedding_dim = {width}
[graph]
neighbours = {neighbours}
recall_target = {recall_target}
[evaluate]
nmi = false
[cluster]
kind = "local"
workers = {workers}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """seconds: by stage, test included. driver, worker: peak MiB of one process, shared memory included."""

    seconds: dict[str, float]
    triplets: int
    method: str
    recall: float
    driver: float
    worker: float


def run_on_workers(folder: Path, **settings: float) -> Ran:
    """Run over folder/vectors.npy in a process of its own, from the beginning; validation and test have some 10,000
    rows each. settings: of the run file above."""
    run_file = folder / "on-workers.toml"
    run_file.write_text(
        _RUN_FILE.format(**settings, share=_ASKED / len(np.load(folder / "labels.npy", mmap_mode="r")))
    )
    root = folder / "runs" / "on-workers"
    shutil.rmtree(root, ignore_errors=True)
    process = subprocess.Popen([sys.executable, "-m", "tripletmine", "run", run_file, "--no-prefect"])
    driver = worker = 0.0
    while process.poll() is None:
        driver = max(driver, _held(psutil.Process(process.pid)))
        worker = max([worker, *map(_held, psutil.Process(process.pid).children(recursive=True))])
        time.sleep(_PERIOD_SECONDS)
    if process.returncode:
        raise SystemExit(f"{run_file} ended with exit code {process.returncode}")
    found = read_status(root)
    reports = {stage.ref.stage: stage.report for stage in found.stages}
    return Ran(
        {stage.ref.stage: stage.seconds or 0.0 for stage in found.stages},
        reports["mine"]["counts"]["triplets"],
        reports["graph"]["method"],
        reports["graph"]["recall"],
        driver,
        worker,
    )


def _held(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / _MIB
    except psutil.Error:  # it has ended
        return 0.0
