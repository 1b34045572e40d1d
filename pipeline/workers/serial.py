"""Tasks one after the other, in this process."""

from collections.abc import Callable, Iterator, Sequence

from ...mining.compute.machine import machine_memory_mib
from ...mining.compute.threads import usable_threads
from ..errors import PipelineError, TaskError
from ..plan.work import Task
from .base import RUN_DIRECTORY, Done, FolderWords
from .opened import release_state


class SerialExecutor:
    """Runs tasks one after the other, each with all cores."""

    workers = 1
    in_process = True

    def __init__(self) -> None:
        self.memory_mib = machine_memory_mib()

    def threads(self, tasks: int) -> int:  # noqa: ARG002 — tasks run one at a time, so each gets all cores
        """See `usable_threads`."""
        return usable_threads()

    def run(self, call: Callable[[Task], Done], tasks: Sequence[Task]) -> Iterator[Done]:
        """See Executor.run. Nothing is retried: in the same process a task would fail in the same way again."""
        failed: list[tuple[Task, Exception]] = []
        for task in tasks:
            try:
                yield call(task)
            except (PipelineError, ValueError):
                raise
            except Exception as error:
                failed.append((task, error))
        if failed:
            raise failure_of(failed, tries=1) from failed[0][1]

    def release(self) -> None:
        """Drop encoders and indexes."""
        release_state()


def failure_of(
    failed: Sequence[tuple[Task, Exception]], *, tries: int, words: FolderWords = RUN_DIRECTORY
) -> TaskError:
    """One error for all failed tasks, naming the first of them with its rows."""
    task, error = failed[0]
    others = f" (and {len(failed) - 1} more tasks)" if len(failed) > 1 else ""
    return TaskError(
        f"task {task.name} (rows {task.start} to {task.stop}) failed {tries} time(s){others}: "
        f"{type(error).__name__}: {error}; {words.kept}the same command {words.again}"
    )
