"""The lock of a run directory, which allows one writer at a time."""

import errno
import fcntl
import json
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread, main_thread
from typing import Any

from ..errors import LockedError, UnavailableError

BEAT_SECONDS = 5.0
"""Time between two signs of life of a holder."""

LEASE_SECONDS = 20.0
"""How long a holder on another machine must be silent before it counts as dead."""

_POLL_SECONDS = 0.2
_RECORD_BYTES = 512

_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _let_go_in_child() -> None:
    """Close the descriptors in a forked child, which would otherwise keep the lock after its parent's death."""
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def exclusive_lock(
    path: Path,
    *,
    note: Callable[[str], None] = lambda _: None,
    beat_seconds: float = BEAT_SECONDS,
    lease_seconds: float = LEASE_SECONDS,
) -> Iterator[None]:
    """Hold the lock `path` for this process. The operating system releases it when the process dies, however it dies.

    flock excludes other processes of this machine and, on file systems that share it, of all machines. Where flock is
    local to each machine (NFS with local_lock, Lustre without -o flock), it would not exclude the others. So the holder
    also writes a record of itself into the file and renews it every `beat_seconds`. If the last holder was on another
    machine, or on this one before a reboot, the lock is only taken after `lease_seconds` without a renewal. Clocks of
    different machines are never compared.

    note: called with a message about such a wait.
    Raises: LockedError, naming the holder; also at any moment within the block or at its end, if another machine took
    the lock while this process was suspended. UnavailableError without flock.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    _held.add(handle)
    try:
        _flock(handle, path)
        _await_silence(path, note, lease_seconds)
        lease = _Lease(handle, path)
        with lease.renewed(beat_seconds):
            yield
    finally:
        _held.discard(handle)
        os.close(handle)


def _flock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise _locked(path, _read(path)) from None
        raise UnavailableError(
            f"run directory {path.parent} cannot be locked ({error.strerror}): choose a run.directory on a file system "
            "with flock"
        ) from None


def _await_silence(path: Path, note: Callable[[str], None], lease_seconds: float) -> None:
    """Wait until no holder on another machine can be alive. Raises: LockedError if one is."""
    before = _read(path)
    # flock has already excluded a holder on this machine since its boot.
    if not before or before.get("boot") == _boot():
        return
    note(f"{path.parent} was last used by {_name(before)}: waiting {lease_seconds:g} s for a sign of life")
    deadline = time.monotonic() + lease_seconds
    while time.monotonic() < deadline:
        now = _read(path)
        if not now:
            return
        if now != before:
            raise _locked(path, now)
        time.sleep(_POLL_SECONDS)


class _Lease:
    """The holder's record in the lock file. token: unique to this holder."""

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self._path = path
        self._record = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "boot": _boot(),
            "token": secrets.token_hex(8),
            "beat": 0,
        }

    @contextmanager
    def renewed(self, beat_seconds: float) -> Iterator[None]:
        """Write the record, renew it during the block, and erase it at the end."""
        self._write()
        over = Event()
        heart = Thread(target=self._beat, args=(over, beat_seconds), name="lock", daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()
            # Check again, as the block may have ended between two beats.
            if (record := self._not_ours()) is not None:
                # This explains whatever else was raised: the interrupt by `_stop`, or errors due to two writers.
                raise _lost(self._path, record) from None
            os.ftruncate(self._handle, 0)

    def _beat(self, over: Event, beat_seconds: float) -> None:
        while not over.wait(beat_seconds):
            # A disk that is full or unavailable for a moment costs one beat; a lease lasts several.
            with suppress(OSError):
                if self._not_ours() is not None:
                    _stop()
                    return
                self._record["beat"] += 1
                self._write()

    def _not_ours(self) -> dict[str, Any] | None:
        """The other holder's record if another machine took the lock, {} if that holder has ended since; else None."""
        there = _read(self._path)
        return None if there is None or there.get("token") == self._record["token"] else there

    def _write(self) -> None:
        """Write the record in one call and with a fixed size, so that no reader sees half of it."""
        os.pwrite(self._handle, json.dumps(self._record).encode().ljust(_RECORD_BYTES), 0)
        os.ftruncate(self._handle, _RECORD_BYTES)
        os.fsync(self._handle)


def _stop() -> None:
    """Interrupt the block that holds the lock like Ctrl-C, which also wakes a waiting main thread.

    Uses SIGTERM where SIGINT is ignored, as in background jobs of a shell.
    """
    number = signal.SIGTERM if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else signal.SIGINT
    signal.pthread_kill(main_thread().ident or 0, number)


def _read(path: Path) -> dict[str, Any] | None:
    """The record of the last holder, {} if it was erased; None if it cannot be read.

    The file is opened each time, since a network file system then fetches what other machines wrote.
    """
    try:
        record = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _locked(path: Path, holder: dict[str, Any] | None) -> LockedError:
    return LockedError(
        f"run directory {path.parent} is in use by {_name(holder)}: "
        "wait until it ends, or give this run another run.directory"
    )


def _lost(path: Path, record: dict[str, Any]) -> LockedError:
    if record:
        return _locked(path, record)
    return LockedError(
        f"run directory {path.parent} was used by another process while this one was suspended: start it again"
    )


def _name(holder: dict[str, Any] | None) -> str:
    try:
        return f"process {int(holder['pid'])} on {holder['host']}" if holder else "another process"
    except (ValueError, KeyError, TypeError, OverflowError):
        return "another process"


def _boot() -> str:
    """Id of this machine and its current boot. Containers of one machine share it, as they share flock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
