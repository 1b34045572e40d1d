"""End a child process when its parent ends, even if the parent is killed."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 1.0


def end_with_parent(parent: int) -> None:
    """Terminate this process when its parent, process `parent`, has ended, even by kill -9.

    On Linux the kernel sends the signal; elsewhere a thread polls for the parent.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # If the parent died before the request, no signal will come.
        if os.getppid() != parent:
            raise SystemExit(f"process {parent}, which started this one, has ended")
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
