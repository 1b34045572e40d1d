"""One BLAS thread per Python thread, while row blocks are multiplied side by side."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_inside = 0
_limits: threadpool_limits | None = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the BLAS to the calling thread until the last of those inside has left.

    The limit belongs to the whole process, so searches that overlap in time share one: if each restored
    what it had found, the last to leave would restore the other's limit and leave the process with one
    thread for good.
    """
    global _inside, _limits  # noqa: PLW0603
    with _lock:
        if _inside == 0:
            _limits = threadpool_limits(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _limits is not None:
                _limits.restore_original_limits()
                _limits = None
