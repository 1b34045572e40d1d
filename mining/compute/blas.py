"""Limit the BLAS to one thread per Python thread while blocks are multiplied in parallel."""

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
    """A context that limits the BLAS to the calling thread. The limit ends when the last thread leaves the context.

    The limit holds for the whole process, so searches that overlap in time share it. If each restored the value it had
    found, the last to leave would restore another's limit, and the process would keep one thread for good.
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
    # Cached: finding the library takes a millisecond, and there are many blocks.
    return ThreadpoolController().select(user_api="blas")
