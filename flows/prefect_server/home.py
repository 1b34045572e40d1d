"""The directory in which a private Prefect server keeps its database: one server per directory, on a local disk."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

from .private_files import make_private

# SQLite's write-ahead log needs memory shared between processes, which these file systems do not provide.
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs"}
)


@contextmanager
def private_home(directory: Path) -> Iterator[tuple[Path, int]]:
    """The directory for a private server, and the descriptor of the lock on it.

    Yields `directory` itself, which keeps the history of earlier runs, or a temporary directory if `directory` is on a
    network file system or in use by another private server. The server process inherits the descriptor, so the lock
    lasts until both processes have ended.
    """
    if not on_network_file_system(directory):
        make_private(directory)
        lock = _lock(directory)
        if lock is not None:
            try:
                yield directory, lock
            finally:
                os.close(lock)
            return
    with tempfile.TemporaryDirectory(prefix="tripletmine-", ignore_cleanup_errors=True) as name:
        lock = _lock(Path(name))
        if lock is None:  # pragma: no cover - nobody else knows the fresh directory
            raise OSError(f"{name} is locked although it was just made")
        try:
            yield Path(name), lock
        finally:
            os.close(lock)


def _lock(directory: Path) -> int | None:
    """The descriptor of the exclusive lock, or None if another process holds it."""
    # Not `FileLock`: its release would also release the lock of the server that inherited the descriptor.
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if lock_descriptor(descriptor, blocking=False):
        return descriptor
    os.close(descriptor)
    return None


def on_network_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether `path` lies on a file system where SQLite cannot work. False if the system does not tell."""
    try:
        lines = os.fsdecode(mounts.read_bytes()).splitlines()  # paths, in whatever encoding
    except OSError:
        return False
    kinds = dict(_mount(line) for line in lines)
    resolved = path.resolve()
    kind = next((kinds[str(p)] for p in (resolved, *resolved.parents) if str(p) in kinds), "")
    return kind in _NETWORK_FILE_SYSTEMS or kind.startswith("fuse.")


def _mount(line: str) -> tuple[str, str]:
    """(mount point, file system) of a line of mountinfo: `36 35 98:0 /root /point options - ext4 device …`."""
    before, _, after = line.partition(" - ")
    # The kernel writes a space in a path as an octal escape.
    return before.split()[4].replace("\\040", " "), after.split()[0]
