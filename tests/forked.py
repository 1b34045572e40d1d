"""Python scripts started without the seconds that their imports take: forked from a process that has done them.

torch, scikit-learn and our own modules take two or three times as long to import as a small run takes to train. Where
a test is about what happens while a run is at work, and not about how it starts, its processes come from here. They are
sessions of their own with an environment and output of their own, and can be stopped and killed as any other.
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
    """A script at work, to be waited for and killed as a `subprocess.Popen` is."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    @property
    def returncode(self) -> int | None:
        """Exit code; that of a signal is negative, and None that of one still at work."""
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
        """To this one process, where it is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)


Started = subprocess.Popen[bytes] | Forked
"""A process that a test has started."""


def start(*command: str, log: Path, environment: Mapping[str, str], errors: Path | None = None) -> Forked:
    """Start a Python script, in a session of its own, its output added to a file.

    command: the script's path, and its arguments. log: a file, or a terminal's device. errors: a file for what it says
    on stderr, instead of the same.
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
    """Have the processes of multiprocessing's context "forkserver" come from one that has imported what takes long."""
    kept = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read by what torch loads
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
    # Those that there are remember what kind of file they were opened on.
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    with tell:
        tell.send_bytes(b"begun")
    os.environ.clear()
    os.environ.update(environment)
    dask.config.refresh()  # it was read in the server's environment, as PYTHONPATH was
    paths = [str(Path(command[0]).parent), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    sys.path[:] = filter(None, [*paths, *(path for path in sys.path if path != str(Path.cwd()))])
    sys.argv = list(command)
    runpy.run_path(command[0], run_name="__main__")
