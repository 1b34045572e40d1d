"""Run tasks on Dask workers: those of a given scheduler, or local worker processes.

Only this module, `admission` and `admitted` import Dask.
"""

import atexit
import logging
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dask.config
from distributed import Client, Future, LocalCluster, Status, as_completed
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from ...mining.compute.machine import machine_memory_mib
from ...mining.compute.threads import usable_cores
from ..errors import PipelineError, TaskError, UnavailableError
from ..plan.work import Task
from ..runfile.run_spec import ClusterSpec
from .admission import paused
from .admitted import Admitted, admitted_workers
from .base import PAUSED_AT, RUN_DIRECTORY, Done, FolderWords
from .opened import release_state
from .serial import failure_of

Started = TypeVar("Started")


class DaskExecutor:
    """Runs tasks on the workers of a connected client, however many there are at the moment.

    admitted: the check of workers. timeout_seconds: how long to wait for a lost scheduler. note: told of refused and
    paused workers. words: see `FolderWords`.
    """

    in_process = False

    def __init__(
        self,
        client: Client,
        *,
        retries: int,
        timeout_seconds: float,
        admitted: Admitted,
        note: Callable[[str], None],
        words: FolderWords,
    ) -> None:
        self._client = client
        self._retries = retries
        self._timeout_seconds = timeout_seconds
        self._admitted = admitted
        self._note = note
        self._words = words
        self._looked = -_LOOK_SECONDS
        self._seen: dict[str, Any] = {}

    @property
    def workers(self) -> int:
        """Threads of all workers."""
        return sum(worker["nthreads"] for worker in self._workers().values())

    @property
    def memory_mib(self) -> int:
        """Memory per thread, since a worker's threads share its memory, up to the point where Dask pauses it. Workers
        without a declared limit (0) are ignored."""
        workers = self._workers().values()
        limits = [worker["memory_limit"] // worker["nthreads"] for worker in workers]
        smallest = min((limit for limit in limits if limit), default=machine_memory_mib() * 2**20)
        return int(PAUSED_AT * smallest) // 2**20

    def threads(self, tasks: int) -> int:
        """One core for each Dask thread; more for each task if there are fewer tasks than threads."""
        largest = max((worker["nthreads"] for worker in self._workers().values()), default=1)
        return max(1, min(largest, self.workers // max(tasks, 1)))

    def run(self, call: Callable[[Task], Done], tasks: Sequence[Task]) -> Iterator[Done]:
        """See Executor.run. Neither a lost worker nor a lost connection counts as a retry."""
        waiting = deque(tasks)
        flying: dict[Any, Task] = {}
        failed: list[tuple[Task, Exception]] = []
        completed = as_completed(loop=self._client.loop)

        def submit() -> None:
            while waiting and len(flying) < 2 * max(self.workers, 1):
                task = waiting.popleft()
                future = self._client.submit(call, task, retries=self._retries, pure=False)
                flying[future.key] = task
                completed.add(future)

        submit()
        try:
            for future in self._as_they_come(completed):
                task = flying.pop(future.key)
                try:
                    outcome = _result(future, task)
                except _ConnectionLostError as lost:
                    self._connect_again(task, lost)
                    waiting.append(task)
                except (PipelineError, ValueError):
                    raise
                except Exception as error:
                    failed.append((task, error))
                else:
                    yield outcome
                submit()
        finally:
            with suppress(*_GONE):  # a lost scheduler has nothing to cancel
                self._client.cancel(completed.futures)
        if failed:
            raise failure_of(failed, tries=self._retries + 1, words=self._words) from failed[0][1]

    def _as_they_come(self, completed: as_completed) -> Iterator[Future]:
        """Yield futures as they complete. Meanwhile, report messages about workers: otherwise the user would wait for a
        paused worker without knowing why."""
        while not completed.is_empty():
            if completed.has_ready():
                yield next(completed)
            else:
                time.sleep(_POLL_SECONDS)
            for news in self._admitted.news():
                self._note(news)

    def release(self) -> None:
        """Make every worker drop its encoder and indexes."""
        self._client.run(release_state)

    def _workers(self) -> dict[str, Any]:
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._seen = _workers(self._client)
            self._looked = time.monotonic()
        return self._seen

    def _connect_again(self, task: Task, lost: Exception) -> None:
        """Wait until the scheduler answers again. Raises: UnavailableError if it does not in time."""
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            try:
                self._admitted.renew()
                self._looked = -_LOOK_SECONDS
                return
            except _GONE as error:
                # A closed client has itself retried for the same time.
                if time.monotonic() > deadline or isinstance(error, ClosedClientError):
                    raise UnavailableError(
                        f"the Dask scheduler was lost while task {task.name} ran ({lost}): start it and its "
                        f"workers again, then the same command {self._words.again}"
                    ) from None
                time.sleep(0.2)


_LOOK_SECONDS = 1.0
"""Maximum age of the cached list of workers."""

_POLL_SECONDS = 0.01


_GONE = (OSError, TimeoutError, RuntimeError, ValueError, ClosedClientError)
"""Errors of a client that has lost its scheduler."""


class _ConnectionLostError(Exception):
    """The client lost its scheduler, and with it all futures. Their tasks may have run anyway."""


@contextmanager
def dask_executor(
    spec: ClusterSpec, root: Path, note: Callable[[str], None], words: FolderWords = RUN_DIRECTORY
) -> Iterator[DaskExecutor]:
    """Connect to the scheduler of the spec, or start local workers, and check the workers before any work.

    Single workers without our versions, or that do not see the folder `root`, are reported to `note` and ended.
    Raises: UnavailableError if no scheduler or worker answers in time, or no worker fits.
    """
    with tempfile.TemporaryDirectory(prefix="tripletmine-dask-") as scratch:
        settings = {
            "temporary-directory": scratch,
            "distributed.admin.tick.limit": "1h",
        }
        if dask.config.get("distributed.comm.timeouts.tcp") == _DASK_TCP:
            settings["distributed.comm.timeouts.tcp"] = _PATIENT_TCP
        with (
            dask.config.set(settings),
            _quiet_client(),
            _connected(spec) as client,
            admitted_workers(client, root, words) as admitted,
        ):
            for news in admitted.news():
                note(news)
            yield DaskExecutor(
                client,
                retries=spec.retries,
                timeout_seconds=spec.timeout_seconds,
                admitted=admitted,
                note=note,
                words=words,
            )


_DASK_TCP = "30s"
"""Dask's default."""
_PATIENT_TCP = "300s"
"""A connection that is cut for less than this loses nothing."""


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Within the block, the client logs no tracebacks about a lost scheduler; our own error reports it."""
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _connected(spec: ClusterSpec) -> Iterator[Client]:
    if spec.kind == "local":
        workers = spec.workers or usable_cores()
        memory_mib = spec.worker_memory_mib or machine_memory_mib() // workers
        start_cluster = partial(
            LocalCluster,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_mib * 2**20,
            # ":0" alone would listen on every interface.
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            # We raise our own errors.
            silence_logs=logging.ERROR,
            preload=[
                *dask.config.get("distributed.worker.preload"),
                "tripletmine.pipeline.workers.ignore_ctrl_c",
            ],
        )
        with _started(start_cluster) as cluster, _Client(cluster, set_as_default=False) as client:
            yield client
            client.run(_leave_at_once)
        return
    _require_certificate(str(spec.address))
    try:
        client = _started(partial(_Client, spec.address, timeout=spec.timeout_seconds, set_as_default=False))
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            f"cluster.address is {spec.address}, where no scheduler answers within {spec.timeout_seconds:g} s "
            f"({error}): start one with `dask scheduler`, or correct the address"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=spec.timeout_seconds)
        except OSError:  # TimeoutError among them
            for worker, found in _workers(client).items():
                if found["status"] == Status.paused.name:  # Dask does not count paused workers
                    raise UnavailableError(f"worker {worker} {paused(found['memory_limit'])}") from None
            raise UnavailableError(
                f"the scheduler at {spec.address} has no worker after {spec.timeout_seconds:g} s: "
                f"start some with `dask worker {spec.address}`"
            ) from None
        yield client


def _require_certificate(address: str) -> None:
    """Raises: UnavailableError if the address uses TLS and Dask has no certificate."""
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise UnavailableError(
            f"cluster.address is {address} but no certificate is set: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
        )


class _Client(Client):
    """A client that is closed at once if it cannot start.

    distributed leaves this to the garbage collector. If that runs while another client starts in the same thread,
    closing waits for ever for a lock held by the start.
    """

    def start(self, **settings: Any) -> None:
        """See Client.start, which the constructor calls."""
        try:
            super().start(**settings)
        except Exception:
            self.close()
            self._loop_runner.stop()
            raise


def _started(start: Callable[[], Started]) -> Started:
    """The result of `start`, tried twice.

    distributed asserts that the thread of its event loop runs within 10 s, which fails if the machine was suspended in
    that moment.
    """
    try:
        return start()
    except AssertionError:
        return start()


def _leave_at_once() -> None:
    """Make a local worker process exit without unloading its libraries.

    Unloading torch and numba can take longer than Dask waits before it kills the process.
    """
    atexit.register(os._exit, 0)


def _workers(client: Client) -> dict[str, Any]:
    return client.scheduler_info(n_workers=-1)["workers"]


def _result(future: Future, task: Task) -> Any:
    try:
        return future.result()
    except KilledWorker as error:
        raise TaskError(
            f"task {task.name} (rows {task.start} to {task.stop}), or one queued with it, killed every worker that "
            f"tried it, the last {error.last_worker.address}: it most likely ran out of memory; lower chunk_rows or "
            "give workers more"
        ) from None
    except FutureCancelledError as error:
        raise _ConnectionLostError(error.reason) from None
