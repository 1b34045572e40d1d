"""Processes that tests start."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import forked
from ..waiting import PATIENCE_SECONDS

TRIPLETMINE = Path(sys.executable).with_name("tripletmine")

_HOLDER = """
import os, sys
from pathlib import Path
from tripletmine.flows.prefect_server.server import prefect_api
with prefect_api(Path(sys.argv[1])) as url:
    print(url, os.environ.get("PREFECT_API_AUTH_STRING"), flush=True)
    sys.stdin.read()
"""


def private_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user who has set nothing, with a home directory of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DASK_"))}
    return {**kept, "HOME": str(home), **more}


class Run:
    """`tripletmine run` by a user who has set nothing, see private_environment; forked, with the slow imports done."""

    def __init__(self, run_file: Path, home: Path, **variables: str) -> None:
        self.output = run_file.with_suffix(".stdout")
        self._errors = run_file.with_suffix(".stderr")
        self.process = forked.start(
            str(TRIPLETMINE),
            "run",
            str(run_file),
            log=self.output,
            errors=self._errors,
            environment=private_environment(home, **variables),
        )

    def ended(self) -> tuple[int, str]:
        """Wait for its end: exit code, and what it said on stderr."""
        return self.process.wait(PATIENCE_SECONDS), self._errors.read_text()


@dataclass(frozen=True)
class Holder:
    """A process that holds a private server, as `tripletmine run` does."""

    process: subprocess.Popen[str]
    url: str
    key: str
    directory: Path
    user_home: Path

    @property
    def client(self) -> dict[str, str]:
        """The environment of those who use the server as a user's own."""
        return {"PREFECT_API_URL": self.url, "PREFECT_API_AUTH_STRING": self.key}

    @property
    def servers(self) -> list[psutil.Process]:
        """The server processes that it started."""
        return psutil.Process(self.process.pid).children()

    def end(self) -> int:
        """Let its block end: exit code."""
        self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode


def start_holder(directory: Path, user_home: Path, **variables: str) -> Holder:
    """Start a process that holds a private server in `directory`, and wait for its URL.

    Its umask is the usual one, by which others may read new files.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(directory)],
        env=private_environment(user_home, **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        umask=0o022,
    )
    assert process.stdout is not None
    said = process.stdout.readline().split()
    assert said, f"the server did not start: exit code {process.wait(PATIENCE_SECONDS)}"
    return Holder(process, *said, directory=directory, user_home=user_home)


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9, and wait."""
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
