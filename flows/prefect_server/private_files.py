"""Files that only their owner can read."""

import os
from contextlib import suppress
from pathlib import Path

UMASK = 0o077
"""The umask of a process that writes only private files."""


def make_private(directory: Path) -> None:
    """Make the folder, or remove all permissions of other users on it and everything in it.

    Raises: PermissionError if something in it belongs to another user.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder, _, names in os.walk(directory):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            # A running server may remove files meanwhile.
            with suppress(FileNotFoundError):
                mode = path.lstat().st_mode
                if mode & UMASK and not path.is_symlink():
                    path.chmod(mode & 0o700)


def open_private(path: Path) -> int:
    """The descriptor of an empty file, open for writing; an existing file is truncated."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
