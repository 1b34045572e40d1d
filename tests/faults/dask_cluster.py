"""A Dask scheduler and its workers on loopback, as a user starts them, to be killed, frozen and starved."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import forked
from ..forked import Started
from ..waiting import eventually
from .product import Product, kill_group, private_environment

DASK = str(Path(sys.executable).with_name("dask"))


class DaskCluster:
    """A scheduler and its workers. environment: for all processes, such as DASK_ settings. scheduler_options: such as
    --protocol tls.

    Where `Product.forked` is set, they are forked, too (see tests/forked.py), and workers have no nanny, which would
    start a new Python for its worker. A killed worker is killed with its nanny in any case.
    """

    def __init__(self, folder: Path, scheduler_options: Sequence[str] = (), **environment: str) -> None:
        self._folder = folder
        self._scheduler_options = scheduler_options
        self._environment: Mapping[str, str] = environment
        self._file = folder / "scheduler.json"
        self._port = 0
        self.workers: list[Started] = []
        self.start_scheduler()

    @property
    def address(self) -> str:
        """The scheduler's address, as --executor takes it."""
        return json.loads(self._file.read_text())["address"]

    def start_scheduler(self) -> None:
        """Start the scheduler, on its former port if it had one."""
        self._file.unlink(missing_ok=True)
        self.scheduler = self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(self._port),
            "--no-dashboard",
            *self._scheduler_options,
        )
        eventually(lambda: self._file.exists() and self._file.stat().st_size, "a Dask scheduler")
        self._port = int(self.address.rpartition(":")[2])

    def add_worker(self, *options: str) -> Started:
        """Start a worker of one thread."""
        process = self._start("worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", *options)
        self.workers.append(process)
        return process

    def kill_worker(self, position: int) -> None:
        """Kill a worker and its nanny with kill -9."""
        kill_group(self.workers.pop(position))

    def kill_scheduler(self) -> None:
        """Kill the scheduler with kill -9."""
        kill_group(self.scheduler)

    @contextmanager
    def frozen(self, position: int) -> Iterator[Started]:
        """A worker whose processes are all stopped by SIGSTOP: it neither works nor says so. It is killed
        afterwards."""
        process = self.workers.pop(position)
        self.signal_group(process, signal.SIGSTOP)
        try:
            yield process
        finally:
            kill_group(process)

    @staticmethod
    def signal_group(process: Started, number: signal.Signals) -> None:
        """Send a signal to all processes of a worker."""
        os.killpg(process.pid, number)

    def close(self) -> None:
        """Kill what is left."""
        for process in (*self.workers, self.scheduler):
            kill_group(process)

    def _start(self, *command: str) -> Started:
        command = (*command, "--scheduler-file", str(self._file))
        log, environment = self._folder / "dask.log", private_environment(**self._environment)
        if Product.forked:
            without_nanny = ("--no-nanny",) if command[0] == "worker" else ()
            return forked.start(DASK, *command, *without_nanny, log=log, environment=environment)
        with log.open("ab") as output:
            return subprocess.Popen(
                [DASK, *command],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
            )
