"""Starts Python scripts without waiting for their imports: they are forked from a process that has done them.

torch, scikit-learn and our own modules take two or three times as long to import as a small run takes to train. Tests
of what happens during a run, rather than of how it starts, start their processes here. Each has a session, an
environment and an output of its own, and can be stopped and killed like any other process.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import dask.config

_IMPORTED = (
    "torch._dynamo",
    "sklearn.datasets",
    "pyarrow.dataset",
    "tripletmine.mining.graphs.build",
    "tripletmine.mining.kernels",
    "tripletmine.pipeline.run.overview",
    "tripletmine.pipeline.run.runner",
    "tripletmine.pipeline.training.epoch",
    "tripletmine.models.metrics.report",
    "tripletmine.flows.cli",
    "distributed",
)
"""Not Prefect, which reads its settings while it is imported."""


class Forked:
    """A running script, to be waited for and killed like a `subprocess.Popen`."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code: negative after a signal, None while the script runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """See `returncode`."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Raises: subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


Started = subprocess.Popen[bytes] | Forked
"""A process that a test has started."""


def start(*command: str, log: Path, environment: Mapping[str, str], errors: Path | None = None) -> Forked:
    """Start a Python script in a session of its own, and append its output to a file.

    command: the script's path, then its arguments. log: a file, or a terminal's device. errors: a file for stderr, by
    default `log`.
    """
    use_server()
    context = multiprocessing.get_context("forkserver")
    begun, tell = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(command, log, errors or log, dict(environment), tell))
    process.start()
    tell.close()
    with begun:
        begun.recv_bytes()  # from now on it has a process group that can be killed
    return Forked(process)


def use_server() -> None:
    """Make multiprocessing's "forkserver" context fork from a process that has done the slow imports."""
    kept = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read by libraries that torch loads
    try:
        multiprocessing.set_forkserver_preload(list(_IMPORTED))
        forkserver.ensure_running()
    finally:
        if kept is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = kept


def _run(
    command: tuple[str, ...], log: Path, errors: Path, environment: dict[str, str], tell: Connection
) -> None:
    """Become the script."""
    os.setsid()
    for stream, path in ((1, log), (2, errors)):
        with path.open("ab") as output:
            os.dup2(output.fileno(), stream)
    # The inherited objects remember what kind of file they were opened on.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    with tell:
        tell.send_bytes(b"begun")
    os.environ.clear()
    os.environ.update(environment)
    dask.config.refresh()  # the server read it, and PYTHONPATH, from its own environment
    paths = [str(Path(command[0]).parent), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:] = filter(None, [*paths, *(path for path in sys.path if path != str(Path.cwd()))])
    sys.argv = list(command)
    runpy.run_path(command[0], run_name="__main__")
