"""One writer for a run directory."""

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
"""How often a holder shows that it lives."""

LEASE_SECONDS = 20.0
"""How long a holder on another machine must have been silent before it counts as dead."""

_POLL_SECONDS = 0.2
_RECORD_BYTES = 512

_held: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _let_go_in_child() -> None:
    """A child that was forked alone must not keep the lock when its parent is gone. Closing its copy is enough."""
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
    """Hold `path` for this process; the operating system lets go of it when the process dies, however it dies.

    flock decides among the processes of one machine, and on file systems that pass it on among all machines. Where a
    mount keeps flock to itself (NFS with local_lock, Lustre without -o flock), each machine would get it: so the
    holder writes who it is into the file and renews that every `beat_seconds`, and a lock whose last holder was on
    another machine, or on this one before it was started anew, is only taken after `lease_seconds` without a sign of
    life. Clocks of machines are never compared.

    note: told of such a wait. Raises: LockedError naming the holder, also at any moment of the block, or at its end,
    when another machine took the lock while this process stood still; UnavailableError without flock.
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
    """Return when nobody on another machine can be at work. Raises: LockedError when somebody is."""
    before = _read(path)
    # Of a holder on this machine, since it was started, flock has told already that it is gone.
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
    """The record of the holder in the lock file. token: tells this holder from all others."""

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
        """Write the record, renew it as long as the block lasts, and take it back."""
        self._write()
        over = Event()
        heart = Thread(target=self._beat, args=(over, beat_seconds), name="lock", daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join()
            # Once more, as the block may have ended between two beats.
            if (record := self._not_ours()) is not None:
                # Whatever `_stop` became on its way here, and whatever failed because two were at work: this is why.
                raise _lost(self._path, record) from None
            os.ftruncate(self._handle, 0)

    def _beat(self, over: Event, beat_seconds: float) -> None:
        while not over.wait(beat_seconds):
            # A disk that is full or away for a moment costs a beat, and the lease has several.
            with suppress(OSError):
                if self._not_ours() is not None:
                    _stop()
                    return
                self._record["beat"] += 1
                self._write()

    def _not_ours(self) -> dict[str, Any] | None:
        """What the file says when another machine took the lock: its record, or {} when it has ended since."""
        there = _read(self._path)
        return None if there is None or there.get("token") == self._record["token"] else there

    def _write(self) -> None:
        """In one write of one size, so that nobody reads half of it."""
        os.pwrite(self._handle, json.dumps(self._record).encode().ljust(_RECORD_BYTES), 0)
        os.ftruncate(self._handle, _RECORD_BYTES)
        os.fsync(self._handle)


def _stop() -> None:
    """End the block that holds the lock as Ctrl-C would, which also wakes a main thread that waits.

    A shell has its background jobs ignore Ctrl-C, but not SIGTERM.
    """
    number = signal.SIGTERM if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else signal.SIGINT
    signal.pthread_kill(main_thread().ident or 0, number)


def _read(path: Path) -> dict[str, Any] | None:
    """The record of the last holder, {} where it took it back; None where it cannot be read.

    Opened anew each time: that is when a network file system looks for what other machines wrote.
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
        f"run directory {path.parent} was used by another process while this one stood still: start it again"
    )


def _name(holder: dict[str, Any] | None) -> str:
    try:
        return f"process {int(holder['pid'])} on {holder['host']}" if holder else "another process"
    except (ValueError, KeyError, TypeError, OverflowError):
        return "another process"


def _boot() -> str:
    """Which machine this is, and since when it runs. Containers of one machine share it, as they share flock."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
