"""Processes that tests start, wait for and kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], what: str, *, seconds: float = 120.0) -> Found:
    """The first true value of `look`, polled until the deadline."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:g} s")
        time.sleep(0.005)
    return found


def start(*command: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a Python command in a session of its own, its output in a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"},
        )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a process and all its children, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
