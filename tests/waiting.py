"""Waiting for other processes."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 300.0
"""A test gives up after this time. It is long, since a shared machine may stall for a minute without anything being
wrong, and only a test that fails waits it out."""


def eventually(
    look: Callable[[], Found | None], what: str, *, seconds: float = PATIENCE_SECONDS, every: float = 0.01
) -> Found:
    """The first true value of `look`, polled until the deadline. every: seconds between two looks."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(every)
    return found
