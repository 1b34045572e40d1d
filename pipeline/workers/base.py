"""The protocol of executors, and the function with which they run a task."""

import errno
import math
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ..errors import UnavailableError
from ..plan.stage import Job, Stage
from ..plan.work import Task, TaskResources
from ..runfile.keys import as_of_a_run
from ..storage.receipts import Receipt, stamp_files, write_receipt

Done = TypeVar("Done")
"""The result of a task: for stages of a run, an `Outcome`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task's receipt and, for the journal only, how long the task took and where it ran."""

    task: Task
    receipt: Receipt
    seconds: float
    host: str
    pid: int


PAUSED_AT = 0.8
"""Share of its memory limit at which Dask pauses a worker (`distributed.worker.memory.pause`)."""


def worker_limit_mib(memory_mib: int) -> int:
    """The memory limit per thread that a Dask worker needs to run tasks of `memory_mib`."""
    return math.ceil(memory_mib / PAUSED_AT)


@dataclass(frozen=True, slots=True)
class FolderWords:
    """Words of error messages about the folder that all workers must see.

    called, setting: the name of the folder, and the setting that places it. kept: what happens to finished tasks after
    a failure. again: what the same command then does.
    """

    called: str
    setting: str
    kept: str
    again: str


RUN_DIRECTORY = FolderWords("run directory", "run.directory", "the finished tasks are kept, ", "continues")


class Executor(Protocol):
    """Runs the tasks of one phase."""

    in_process: bool
    """Whether tasks run in this process, so that they can report progress as they go."""

    @property
    def workers(self) -> int:
        """The number of tasks that can run at once at the moment."""
        ...

    @property
    def memory_mib(self) -> int:
        """The memory that each task of a worker may use."""
        ...

    def threads(self, tasks: int) -> int:
        """Cores for each task if `tasks` of them are run."""
        ...

    def run(self, call: Callable[[Task], Done], tasks: Sequence[Task]) -> Iterator[Done]:
        """Yield the results of tasks in order of completion, with a bounded number of tasks in flight.

        Raises: a PipelineError or ValueError of a task at once; any other failure, after retries, as a TaskError that
        names the task's rows, when all other tasks are done.
        """
        ...

    def release(self) -> None:
        """Make the workers drop what they keep in memory between stages (encoders, indexes)."""
        ...


def require_memory(executor: Executor, needed_mib: int, task: str, smaller: str, settings: str) -> None:
    """Raises: UnavailableError if a task needs more memory than a worker of the executor has.

    smaller: how to make the task need less. settings: the settings for the memory of workers.
    """
    if needed_mib <= executor.memory_mib:
        return
    more = (
        "start the run in a larger one"
        if executor.in_process
        else f"give it a limit of at least {worker_limit_mib(needed_mib)} MiB for each of its threads "
        f"(Dask pauses a worker that fills {PAUSED_AT:.0%}; {settings}, or `dask worker --memory-limit`)"
    )
    raise UnavailableError(
        f"a task of {task} needs {needed_mib} MiB but "
        f"{'this machine or container' if executor.in_process else 'a worker'} has {executor.memory_mib} MiB "
        f"for it: {more}, or {smaller}"
    )


DISK_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EROFS: "make it writable again",
    errno.EACCES: "give this user the permission to write there",
    errno.EPERM: "give this user the permission to write there",
}
"""Disk errors that would stop every other task, too → their remedies."""


def _require_disk(job: Job, task: Task, error: Exception) -> None:
    """Raises: UnavailableError if the error is a disk error: retries and the other tasks would fail in the same way.

    The text is compared as well, since libraries in C++ or Rust pass on the system's message without its number.
    """
    for number, remedy in DISK_REMEDIES.items():
        words = os.strerror(number)
        if (isinstance(error, OSError) and error.errno == number) or words in str(error):
            where = getattr(error, "filename", None) or job.folder
            raise UnavailableError(
                f"{where}: {words} ({task.name} of {job.ref}): {remedy}, then the same command continues"
            ) from error


def perform(stage: Stage, job: Job, threads: int, task: Task, tick: Callable[[int], None]) -> Outcome:
    """Run one task in this process and write its receipt. Running it again writes the same bytes."""
    started = time.monotonic()
    try:
        written = stage.run_task(job, task, TaskResources(threads=threads, tick=tick))
        receipt = Receipt(
            task=task.name,
            rows=written.rows,
            files=stamp_files(job.folder, written.files),
            report=written.report,
        )
        if not job.stage_folder.claimed:
            # This worker was stalled for so long that another one did its task, and the stage has ended.
            raise UnavailableError(
                f"{task.name} of {job.ref} came too late, the stage has ended: nothing to do"
            )
        write_receipt(job.folder, receipt)
    except Exception as error:
        _require_disk(job, task, error)
        named = as_of_a_run(error)
        if named is error:
            raise
        raise named from error
    return Outcome(task, receipt, time.monotonic() - started, socket.gethostname(), os.getpid())
