"""The one protocol behind which tasks run, and what runs there."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..stages.base import Job, Means, Stage, Task
from ..storage.receipts import Receipt, stamp_files, write_receipt


@dataclass(frozen=True, slots=True)
class Outcome:
    """A task's receipt, and what only the journal keeps: how long it took, and where."""

    task: Task
    receipt: Receipt
    seconds: float
    host: str
    pid: int


class Executor(Protocol):
    """Runs the tasks of one phase."""

    workers: int
    memory_mib: int
    """Of one worker."""
    in_process: bool
    """Whether tasks run in this process, so that they can report progress as they go."""

    def threads(self, tasks: int) -> int:
        """Cores for each task when `tasks` of them are to be run."""
        ...

    def run(self, call: Callable[[Task], Outcome], tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Outcomes in order of completion, with a bounded number of tasks in flight.

        Errors: a PipelineError of a task at once; any other failure, after retries, as a TaskError that names
        the task's rows, when all other tasks are done.
        """
        ...

    def release(self) -> None:
        """Have the workers drop what they hold in memory between stages (encoders, indexes)."""
        ...


def perform(stage: Stage, job: Job, threads: int, task: Task, tick: Callable[[int], None]) -> Outcome:
    """Run one task where it is called and write its receipt. Running it again writes the same bytes again."""
    started = time.monotonic()
    written = stage.run_task(job, task, Means(threads=threads, tick=tick))
    receipt = Receipt(
        task=task.name, rows=written.rows, files=stamp_files(job.folder, written.files), report=written.report
    )
    write_receipt(job.folder, receipt)
    return Outcome(task, receipt, time.monotonic() - started, socket.gethostname(), os.getpid())
