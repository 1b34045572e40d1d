"""Real Dask schedulers and workers; the functions that they run must be importable there."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client

from ... import forked
from ...forked import Started
from ...waiting import PATIENCE_SECONDS, eventually
from ..processes import kill_group

HERE = Path(__file__).parent
DASK = str(Path(sys.executable).with_name("dask"))

sys.path.insert(0, str(HERE))  # for scripted_tasks, as workers have it by PYTHONPATH


class Cluster:
    """A scheduler and workers on loopback, each a process group of its own, see tests/forked.py."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.processes: list[Started] = []
        self._start(DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        eventually(lambda: self._file.exists() and self._file.stat().st_size, "a Dask scheduler")

    @property
    def address(self) -> str:
        """The scheduler's address, for [cluster] address."""
        import json

        return json.loads(self._file.read_text())["address"]

    def add_worker(self, *wrapper: str, python_path: Path | None = None, options: Sequence[str] = ()) -> None:
        """Start a worker of one thread, without nanny. wrapper: a command that starts it; options: of `dask worker`."""
        command = [DASK, "worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        self._start(*wrapper, *command, *options, python_path=python_path)

    def kill_scheduler(self) -> None:
        """Kill the scheduler with kill -9."""
        kill_group(self.processes[0])

    def _start(self, *command: str, python_path: Path | None = None) -> None:
        paths = [str(python_path or HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = (*command, "--scheduler-file", str(self._file))
        log = self._folder / "output.log"
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        }
        if command[0] == DASK:
            self.processes.append(forked.start(*command, log=log, environment=environment))
            return
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
            )
        self.processes.append(process)

    def close(self) -> None:
        """Kill what is left. Nannies start their workers in sessions of the same group."""
        for process in reversed(self.processes):
            kill_group(process)


@contextmanager
def clusters(folders: pytest.TempPathFactory) -> Iterator[Callable[[], Cluster]]:
    """Start schedulers, which end with the block."""
    started = []

    def start() -> Cluster:
        started.append(Cluster(folders.mktemp("dask")))
        return started[-1]

    try:
        yield start
    finally:
        for cluster in started:
            cluster.close()


@pytest.fixture
def start_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Cluster]]:
    """Start a scheduler; workers are added by the test."""
    with clusters(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def workers_with_nannies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler with two separate workers, shared by the tests that leave it as it was."""
    with clusters(tmp_path_factory) as start:
        cluster = start()
        cluster.add_worker(options=["--nanny"])
        cluster.add_worker(options=["--nanny"])
        yield cluster


@pytest.fixture
def two_workers(workers_with_nannies: Cluster) -> Cluster:
    """The shared cluster, with both workers there: nannies restart those that the previous test killed."""
    with Client(workers_with_nannies.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
    return workers_with_nannies
