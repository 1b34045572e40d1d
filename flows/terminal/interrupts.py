"""Make Ctrl-C and SIGTERM end a command within seconds, whatever it is doing."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_SECONDS = 8.0
"""Time for an orderly end: tell Prefect, stop processes. After that the process ends at once, which loses only the
tasks in progress, as kill -9 would."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as sent by a service manager or batch system. Handled like Ctrl-C."""


@contextmanager
def interruptible(grace_seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """Within the block, SIGTERM raises Terminated as SIGINT raises KeyboardInterrupt, and the process ends in time.

    Python handles signals between two instructions of the main thread, and a search in compiled code can be a single
    instruction of minutes. So a thread reads every signal from the wake-up descriptor and ends the process if the block
    has not ended after `grace_seconds`, or at a second Ctrl-C. Outside the main thread the block does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    over = threading.Event()
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    # SIGINT keeps its handler: Python's own, or none if the parent process wants SIGINT ignored.
    before = signal.signal(signal.SIGTERM, _terminate)
    watch = threading.Thread(target=_watch, args=(reader, over, grace_seconds), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        signal.signal(signal.SIGTERM, before)
        signal.set_wakeup_fd(descriptor)
        writer.close()
        watch.join()
        reader.close()


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _watch(reader: socket.socket, over: threading.Event, grace_seconds: float) -> None:
    """Wait for a signal and then end the process unless the block ends, which closes the other side of `reader`."""
    first = _next_signal(reader, _SIGNALS)
    if first is None:
        return
    reader.settimeout(grace_seconds)
    try:
        # Only a second Ctrl-C counts, not a second SIGTERM: Prefect forwards SIGTERM by sending it again.
        if _next_signal(reader, (signal.SIGINT,)) is None:
            return
    except TimeoutError:
        pass
    if not over.is_set():
        print("\ntripletmine: ended at once; nothing that was committed is lost", file=sys.stderr, flush=True)
        os._exit(128 + first)


def _next_signal(reader: socket.socket, wanted: tuple[signal.Signals, ...]) -> int | None:
    """The next of the wanted signals, or None when the block is over. Other signals (of children) are ignored."""
    while number := reader.recv(1):
        if number[0] in wanted:
            return number[0]
    return None
