"""Tasks on Dask workers: a scheduler's address, or worker processes of this machine.

The only file that knows Dask.
"""

import atexit
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import dask.config
import dask.system
from distributed import Client, Future, LocalCluster, as_completed
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker
from distributed.security import Security

from ..errors import PipelineError, TaskError, UnavailableError
from ..plan.work import Task
from ..runfile.run_spec import ClusterSpec
from .base import Outcome
from .opened import release_state
from .serial import failure_of, machine_memory_mib

_PACKAGE = "tripletmine"

Started = TypeVar("Started")


class DaskExecutor:
    """Runs tasks on the workers of a connected client."""

    in_process = False

    def __init__(self, client: Client, *, retries: int) -> None:
        self._client = client
        self._retries = retries
        workers = _workers(client)
        self.workers = sum(worker["nthreads"] for worker in workers.values())
        self._largest = max(worker["nthreads"] for worker in workers.values())
        # A worker's memory is shared by its threads; no limit (0) means that nobody declared one.
        limits = [worker["memory_limit"] // worker["nthreads"] for worker in workers.values()]
        self.memory_mib = min((limit // 2**20 for limit in limits if limit), default=machine_memory_mib())

    def threads(self, tasks: int) -> int:
        """One core for each Dask thread; a phase with fewer tasks than threads lets each task have more."""
        return max(1, min(self._largest, self.workers // max(tasks, 1)))

    def run(self, call: Callable[[Task], Outcome], tasks: Sequence[Task]) -> Iterator[Outcome]:
        """See Executor.run. A worker that is lost does not count as a retry."""
        waiting = iter(tasks)
        flying: dict[Any, Task] = {}
        failed: list[tuple[Task, Exception]] = []
        completed = as_completed(loop=self._client.loop)

        def submit_next() -> None:
            task = next(waiting, None)
            if task is None:
                return
            future = self._client.submit(call, task, retries=self._retries, pure=False)
            flying[future.key] = task
            completed.add(future)

        for _ in range(2 * self.workers):
            submit_next()
        try:
            for future in completed:
                task = flying.pop(future.key)
                try:
                    outcome = _result(future, task)
                except (PipelineError, ValueError):
                    raise
                except Exception as error:
                    failed.append((task, error))
                else:
                    yield outcome
                submit_next()
        finally:
            self._client.cancel(completed.futures)
        if failed:
            raise failure_of(failed, tries=self._retries + 1) from failed[0][1]

    def release(self) -> None:
        """Have every worker drop its encoder and indexes."""
        self._client.run(release_state)


@contextmanager
def dask_executor(spec: ClusterSpec, root: Path) -> Iterator[DaskExecutor]:
    """Connect to the scheduler of the spec, or start workers of our own; check them before any work.

    Raises: UnavailableError when no scheduler or worker answers in time, when a worker runs another version, or
    does not see the run directory.
    """
    with tempfile.TemporaryDirectory(prefix="tripletmine-dask-") as scratch:
        settings = {
            "temporary-directory": scratch,
            "distributed.admin.tick.limit": "1h",
        }
        with dask.config.set(settings), _quiet_client(), _connected(spec) as client:
            _check_versions(client)
            _check_shared(client, root)
            yield DaskExecutor(client, retries=spec.retries)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Of a scheduler that was lost our own error speaks; the client would add the traceback of its last try."""
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
        workers = spec.workers or dask.system.CPU_COUNT
        memory_mib = spec.worker_memory_mib or machine_memory_mib() // workers
        start_cluster = partial(
            LocalCluster,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_mib * 2**20,
            # ":0" would listen on every interface.
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            # Silence the client; we raise our own error.
            silence_logs=logging.ERROR,
        )
        with _started(start_cluster) as cluster, Client(cluster, set_as_default=False) as client:
            yield client
            client.run(_leave_at_once)
        return
    _require_certificate(str(spec.address))
    try:
        client = _started(partial(Client, spec.address, timeout=spec.timeout_seconds, set_as_default=False))
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            f"cluster.address is {spec.address}, where no scheduler answers within {spec.timeout_seconds:g} s "
            f"({error}): start one with `dask scheduler`, or correct the address"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=spec.timeout_seconds)
        except TimeoutError:
            raise UnavailableError(
                f"the scheduler at {spec.address} has no worker after {spec.timeout_seconds:g} s: "
                f"start some with `dask worker {spec.address}`"
            ) from None
        yield client


def _require_certificate(address: str) -> None:
    """Raises: UnavailableError where TLS is asked for and Dask has no certificate to show."""
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise UnavailableError(
            f"cluster.address is {address} but no certificate is set: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
        )


def _started(start: Callable[[], Started]) -> Started:
    """What `start` makes, with a second try where the machine stood still.

    distributed asserts that the thread of its event loop runs within 10 s of its start, which does not hold on a
    machine that was suspended in that moment.
    """
    try:
        return start()
    except AssertionError:
        return start()


def _leave_at_once() -> None:
    """Have a worker process of our own end without taking libraries down one by one.

    Unloading torch and numba can take longer than the seconds that Dask waits before it kills the process.
    """
    atexit.register(os._exit, 0)


def _workers(client: Client) -> dict[str, Any]:
    return client.scheduler_info(n_workers=-1)["workers"]


def _check_versions(client: Client) -> None:
    ours = version(_PACKAGE)
    answers: dict[str, Any] = client.run(version, _PACKAGE, on_error="return")  # pyright: ignore[reportAssignmentType]
    for address, theirs in answers.items():
        if isinstance(theirs, Exception):
            raise UnavailableError(
                f"worker {address} has no {_PACKAGE} ({theirs}): install {_PACKAGE} {ours} there"
            )
        if theirs != ours:
            raise UnavailableError(
                f"worker {address} runs {_PACKAGE} {theirs} but this is {ours}: install the same on both"
            )


def _check_shared(client: Client, root: Path) -> None:
    """Every worker must read what we just wrote: a path of the same name on another disk is not enough."""
    handle, name = tempfile.mkstemp(dir=root, prefix=".token-")
    token = Path(name)
    try:
        secret = os.urandom(16)
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        answers: dict[str, bool] = client.run(partial(_reads, str(token), secret))  # pyright: ignore[reportAssignmentType]
    finally:
        token.unlink(missing_ok=True)
    blind = sorted(address for address, sees in answers.items() if not sees)
    if blind:
        raise UnavailableError(
            f"worker {blind[0]} does not see the run directory {root}: put run.directory on a file system that "
            "all workers share"
        )


def _reads(path: str, secret: bytes) -> bool:
    try:
        return Path(path).read_bytes() == secret
    except OSError:
        return False


def _result(future: Future, task: Task) -> Outcome:
    try:
        return future.result()
    except KilledWorker as error:
        raise TaskError(
            f"task {task.name} (rows {task.start} to {task.stop}), or one queued with it, killed every worker that "
            f"tried it, the last {error.last_worker.address}: it most likely ran out of memory; lower chunk_rows or "
            "give workers more"
        ) from None
    except FutureCancelledError as error:
        raise UnavailableError(
            f"the Dask scheduler was lost while task {task.name} ran ({error.reason}): start it and its "
            "workers again, then the same command continues"
        ) from None
