"""Work in units: tasks, phases, plans, and what a task leaves.

A *task* is a unit of work; a *phase* is a list of tasks that may run side by side; all tasks of a phase are done
before the next begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """A unit of work: rows `start` to `stop` of whatever its phase goes through."""

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
        """How much work this is."""
        return self.stop - self.start


PROCESS_MIB = 1050
"""A process that does tasks, before any data: libraries (350 MiB), and what numba and LLVM take to compile all kernels.

The peak of a worker that ran every stage of a small run with no kernel in numba's cache was 1036 MiB."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Tasks that may run side by side.

    memory_mib: of a process that runs one of them, from the spec. on_driver: they run in the flow's own process.
    reads_scratch: they read what earlier phases left in the stage's scratch folder, which ends with the stage.
    """

    name: str
    tasks: tuple[Task, ...]
    memory_mib: int
    on_driver: bool = False
    reads_scratch: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered phases, and the bytes that they will leave on disk."""

    phases: tuple[Phase, ...]
    disk_bytes: int

    @property
    def tasks(self) -> int:
        """Tasks in all."""
        return sum(len(phase.tasks) for phase in self.phases)


def split_rows(phase: str, rows: int, chunk_rows: int, first: int = 0) -> tuple[Task, ...]:
    """Cut rows first … first + rows into tasks of chunk_rows; the last may be shorter."""
    return tuple(
        Task(phase, index, first + start, first + min(start + chunk_rows, rows))
        for index, start in enumerate(range(0, rows, chunk_rows))
    )


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """What a task did: the files it published (relative to the stage's folder), rows, a small report."""

    files: tuple[str, ...]
    rows: int
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TaskResources:
    """What a task may use where it runs, none of which changes its result.

    threads: cores that are its own. tick: call with the number of rows done, for progress.
    """

    threads: int
    tick: Callable[[int], None]
