"""Processes that tests start and kill."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from .. import forked
from ..forked import Started
from ..waiting import PATIENCE_SECONDS


def start(*command: str, log: Path) -> forked.Forked:
    """Start a Python script in a session of its own, its output in a file."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
    return forked.start(*command, log=log, environment=environment)


def kill_group(process: Started) -> None:
    """kill -9 of a process and all its children, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_SECONDS)
