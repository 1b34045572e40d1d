"""One BLAS thread per Python thread, while row blocks are multiplied side by side."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock

import numpy as np  # noqa: F401 - brings the BLAS that is limited
from threadpoolctl import ThreadpoolController

_lock = Lock()
_inside = 0
_limits = ExitStack()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the BLAS to the calling thread until the last of those inside has left.

    The limit belongs to the whole process, so searches that overlap in time share one: if each restored
    what it had found, the last to leave would restore the other's limit and leave the process with one
    thread for good.
    """
    global _inside  # noqa: PLW0603
    with _lock:
        if _inside == 0:
            _limits.enter_context(_blas().limit(limits=1))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limits.close()


@cache
def _blas() -> ThreadpoolController:
    # To look for it takes a millisecond, and blocks are many.
    return ThreadpoolController().select(user_api="blas")
