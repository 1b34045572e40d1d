"""Open regular files only: opening a named pipe would wait for its other end for ever."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from ..errors import PipelineError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

_REMEDY = "restore the file, or correct the path"


class NotAFileError(PipelineError, OSError):
    """Something other than a file is at a file's path."""


def require_regular(path: Path) -> None:
    """Check that `path` is a regular file or missing. Raises: NotAFileError."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotAFileError(f"{path} is a link that leads back to itself: {_REMEDY}") from None
        return
    _refuse(mode, path)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without blocking. Raises: OSError, NotAFileError."""
    require_regular(path)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse(os.fstat(handle).st_mode, path)  # again, as the path may have been replaced since
    except NotAFileError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_regular(path: Path) -> bytes:
    """The content of a regular file. Raises: OSError, NotAFileError."""
    with open_regular(path) as file:
        return file.read()


def require_regular_within(folder: Path) -> None:
    """Check that all paths below a folder are regular files, folders or links to them. Raises: NotAFileError."""
    for parent, _, names in os.walk(folder):
        for name in names:
            require_regular(Path(parent, name))


def _refuse(mode: int, path: Path) -> None:
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), None)
    if kind is not None:
        raise NotAFileError(f"{path} is {kind}, not a file: {_REMEDY}")
