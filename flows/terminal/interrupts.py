"""Ctrl-C and SIGTERM end a command within seconds, whatever it is at."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE_SECONDS = 8.0
"""How long a command may take to end in order: tell Prefect, stop its processes. After that it ends at once, which
costs no more than kill -9 does: the tasks at work."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as a service manager or a batch system sends it. Handled like Ctrl-C."""


@contextmanager
def interruptible(grace_seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """Within the block SIGTERM raises Terminated, as SIGINT raises KeyboardInterrupt; the process ends in time.

    Python handles signals between two instructions of the main thread, and a search in compiled code can be one
    instruction of minutes. So a thread hears of every signal through the wake-up descriptor and ends the process when
    the block does not; a second Ctrl-C has it end at once. Only the main thread can do this; others are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    over = threading.Event()
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    # SIGINT has Python's own handler, unless whoever started us wants it ignored.
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
    """Ends with the block, whose end closes the other side of `reader`; or ends the process."""
    first = _next_signal(reader, _SIGNALS)
    if first is None:
        return
    reader.settimeout(grace_seconds)
    try:
        # A second Ctrl-C only: Prefect passes SIGTERM on by sending it once more.
        if _next_signal(reader, (signal.SIGINT,)) is None:
            return
    except TimeoutError:
        pass
    if not over.is_set():
        print("\ntripletmine: ended at once; nothing that was committed is lost", file=sys.stderr, flush=True)
        os._exit(128 + first)


def _next_signal(reader: socket.socket, wanted: tuple[signal.Signals, ...]) -> int | None:
    """The next of these signals, None when the block is over. Others, of children for example, are passed over."""
    while number := reader.recv(1):
        if number[0] in wanted:
            return number[0]
    return None
