"""Set environment variables for the duration of a block. Prefect and Dask read theirs when they are imported."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

QUIET_DASK = {"DASK_LOGGING__DISTRIBUTED": "critical"}
"""A worker logs an error with a traceback when its heartbeat meets a closing cluster, though nothing is wrong. Real
errors come back with the task, as exceptions."""


def unless_set(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings whose variables the user has not set."""
    return {name: value for name, value in settings.items() if name not in os.environ}


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set these variables for the duration of the block, then restore them."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
