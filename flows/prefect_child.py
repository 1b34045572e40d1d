"""The process of the private Prefect server: it serves one inherited socket and ends with its parent.

Started by `prefect_server.py` as `python -m tripletmine.flows.prefect_child --parent PID --socket FD`.
"""

import argparse
import ctypes
import os
import signal
import socket
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 1.0
_SHUTDOWN_SECONDS = 3


def end_with_parent(parent: int) -> None:
    """Terminate this process when process `parent` is gone, even by kill -9.

    On Linux the kernel sends the signal; elsewhere a thread watches.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have died before the request: then no signal comes any more.
        if os.getppid() != parent:
            raise SystemExit("the process that asked for a Prefect server has ended")
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(description="A private Prefect server, for tripletmine's own use.")
    parser.add_argument("--parent", type=int, required=True, help="process with which the server ends")
    parser.add_argument("--socket", type=int, required=True, help="inherited listening socket")
    arguments = parser.parse_args()
    end_with_parent(arguments.parent)

    import uvicorn

    config = uvicorn.Config(
        "prefect.server.api.server:create_app",
        factory=True,
        log_level="warning",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=arguments.socket)])


if __name__ == "__main__":
    main()
