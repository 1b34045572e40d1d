"""Files that only their owner can read."""

import os
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
"""For a process that writes nothing else."""


def make_private(directory: Path) -> None:
    """Make the folder, or take from others what they may do with it and with all that is in it.

    Raises: PermissionError where something in it belongs to another user.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder, _, names in os.walk(directory):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            # A server at work on it makes and removes files meanwhile.
            with suppress(FileNotFoundError):
                mode = path.lstat().st_mode
                if mode & UMASK and not path.is_symlink():
                    path.chmod(mode & 0o700)


def open_private(path: Path) -> int:
    """The descriptor of a new, empty file."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
