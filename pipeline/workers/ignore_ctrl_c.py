"""Loaded by Dask in each worker process of our own: a terminal sends Ctrl-C to them, too, and it is for us to end them.

Without it each worker prints a traceback, beside the one message that says how to go on.
"""

import signal


def dask_setup(_worker: object) -> None:
    """Called by Dask in the main thread of the worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
