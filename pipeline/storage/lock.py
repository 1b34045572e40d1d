"""One writer for a run directory."""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LockedError, UnavailableError


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold `path` for this process; the operating system lets go of it when the process dies, however it dies.

    flock belongs to the open file, and child processes that are started (not forked alone) do not inherit it:
    Python opens files close-on-exec. The content only tells others who holds it.

    Errors: LockedError naming the holder.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise LockedError(
                    f"run directory {path.parent} is in use by {_holder(handle)}: "
                    "wait until it ends, or give this run another run.directory"
                ) from None
            raise UnavailableError(
                f"run directory {path.parent} cannot be locked ({error}): it must be on a file system with flock"
            ) from None
        holder = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode()
        os.ftruncate(handle, 0)
        os.pwrite(handle, holder, 0)
        yield
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(holder['pid'])} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
