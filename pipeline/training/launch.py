"""Train an epoch with several processes on this machine, started by torch's elastic launcher."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnavailableError
from ..plan.stage import Job
from .checkpoints import TrainingProgress
from .handover import read_failure, write_job

if TYPE_CHECKING:
    from torch import Tensor

JOB = "job.json"
FAILURE = "failure.json"
_LOG = "processes.log"
_POLL_SECONDS = 0.2
_STOP_SECONDS = 40
"""The launcher itself gives its processes 30 seconds to end."""


def train_with_processes(
    job: Job, progress: TrainingProgress, threads: int, tick: Callable[[int], None]
) -> Mapping[str, "Tensor"]:
    """Start train.processes processes, wait for them, and return the resulting state of the trainer.

    threads: cores for all processes together. tick: called with the number of images as they are trained.
    Raises: the error of a process; UnavailableError if one died without an error. The next try continues from the last
    checkpoint.
    """
    folder = job.scratch
    progress.resume()  # cuts the metrics here, so that they only grow while the processes are watched
    write_job(folder / JOB, job)
    (folder / FAILURE).unlink(missing_ok=True)
    count = job.spec.train.processes
    command = [
        *(sys.executable, "-m", "tripletmine.pipeline.training.launcher_main", str(os.getpid())),
        *("--standalone", f"--nproc-per-node={count}"),
        *("-m", "tripletmine.pipeline.training.rank_main", str(folder)),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, threads // count))}
    with (folder / _LOG).open("wb") as log:
        launcher = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    try:
        seen = 0
        while _runs(launcher, _POLL_SECONDS):
            images, seen = progress.images_since(seen)
            tick(images)
    finally:
        launcher.terminate()
        if _runs(launcher, _STOP_SECONDS):
            launcher.kill()
    resumed = progress.resume() if launcher.returncode == 0 else None
    if resumed is None:
        raise read_failure(folder / FAILURE) or _unexplained(job, launcher.returncode, folder / _LOG)
    return resumed.state


def _runs(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the process still runs after this many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def _unexplained(job: Job, code: int, log: Path) -> Exception:
    """The error for a killed process. The launcher's report of the first failure tells which one it was."""
    report = log.read_text(errors="replace").rpartition("Root Cause")[2]
    rank = re.search(r"rank\s*: (\d+)", report)
    exit_code = re.search(r"exitcode\s*: (-?\d+)", report)
    who = (
        f"training process {rank[1]} of {job.spec.train.processes}"
        if rank
        else "the launcher of the processes"
    )
    how = exit_code[1] if exit_code else str(code)
    return UnavailableError(
        f"{job.ref}: {who} died with exit code {how} (-9 often means that memory ran out: lower train.embed_rows or "
        f"train.processes); its last words are in {log}, and the same command continues from the last checkpoint"
    )
