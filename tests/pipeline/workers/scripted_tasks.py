"""Tasks with a scripted history of fail, kill and succeed, that leave a mark for every try."""

import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
from distributed import get_worker
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.plan.work import Task
from tripletmine.pipeline.storage.receipts import Receipt
from tripletmine.pipeline.workers.base import Outcome

History = Mapping[int, Sequence[str]]
"""Task index → what its tries do, the last for ever: "succeed", "fail", "refuse", "kill", "wait" or "hoard"."""

RELEASE = "release"
"""The file that a task which hoards memory waits for."""


def run_scripted(folder: Path, history: History, task: Task) -> Outcome:
    """Do what this try of the task is to do."""
    script = history.get(task.index, ["succeed"])
    match script[min(_mark(folder, task), len(script) - 1)]:
        case "fail":
            raise RuntimeError(f"scripted failure of {task.name}")
        case "refuse":
            raise DataError(f"scripted refusal of {task.name}")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "wait":
            while True:
                time.sleep(0.01)
        case "hoard":
            _hoard(folder / RELEASE)
    receipt = Receipt(task.name, task.rows, {}, {"sum": sum(range(task.start, task.stop))})
    return Outcome(task, receipt, 0.0, socket.gethostname(), os.getpid())


def _hoard(release: Path) -> None:
    """Fill the worker above the 80 % at which Dask pauses it, below the 95 % at which it is killed."""
    limit = get_worker().memory_manager.memory_limit
    assert limit
    held = bytearray(int(0.87 * limit) - psutil.Process().memory_info().rss)
    held[::4096] = b"\1" * len(held[::4096])  # pages count once they are written
    while not release.exists():
        time.sleep(0.01)


def tries(folder: Path) -> dict[int, int]:
    """How often each task was tried."""
    found: dict[int, int] = {}
    for path in folder.glob("try-*"):
        index = int(path.name.split("-")[1])
        found[index] = found.get(index, 0) + 1
    return found


def _mark(folder: Path, task: Task) -> int:
    number = 0
    while True:
        try:
            (folder / f"try-{task.index}-{number}").touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return number
