"""Dask preload module for local worker processes: makes them ignore Ctrl-C, which a terminal also sends to them.

The parent process ends them. Otherwise each worker would print a traceback beside the one message that matters.
"""

import signal


def dask_setup(_worker: object) -> None:
    """Called by Dask in the main thread of the worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
