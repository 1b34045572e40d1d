"""Units of work: tasks, phases, plans, and the output of a task.

A *task* is a unit of work. A *phase* is a list of tasks that may run in parallel; all of them finish before the next
phase begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """A unit of work: rows `start` to `stop` of the rows of its phase."""

    phase: str
    index: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Unique within the stage."""
        return f"{self.phase}-{self.index:05d}"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start


PROCESS_MIB = 1050
"""Memory of a process that runs tasks, without data: libraries (350 MiB), and compiling all kernels with numba.

A worker that ran every stage of a small run, with an empty numba cache, had a peak of 1036 MiB."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks that may run in parallel.

    memory_mib: memory of a process that runs one of them. on_driver: whether they run in the flow's own process.
    reads_scratch: whether they read files that earlier phases left in the stage's scratch folder.
    """

    name: str
    tasks: tuple[Task, ...]
    memory_mib: int
    on_driver: bool = False
    reads_scratch: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered phases. disk_bytes: size of the files that they write."""

    phases: tuple[Phase, ...]
    disk_bytes: int

    @property
    def tasks(self) -> int:
        """Number of tasks in all phases."""
        return sum(len(phase.tasks) for phase in self.phases)


def split_rows(phase: str, rows: int, chunk_rows: int, first: int = 0) -> tuple[Task, ...]:
    """Cut rows first … first + rows − 1 into tasks of chunk_rows rows; the last may be shorter."""
    return tuple(
        Task(phase, index, first + start, first + min(start + chunk_rows, rows))
        for index, start in enumerate(range(0, rows, chunk_rows))
    )


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """Output of a task: the files it published (relative to the stage's folder), its rows, a small report."""

    files: tuple[str, ...]
    rows: int
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskResources:
    """Resources of a task on the process that runs it; they never affect its result.

    threads: number of threads it may use. tick: call it with the number of rows done, for progress.
    """

    threads: int
    tick: Callable[[int], None]
