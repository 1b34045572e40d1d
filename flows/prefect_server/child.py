"""The process of the private Prefect server. It serves one inherited socket and ends with its parent.

Started by `server.py` as `python -m tripletmine.flows.prefect_server.child --parent PID --socket FD`.
"""

import argparse
import os
import socket

from ...pipeline.workers.end_with_parent import end_with_parent
from .guarded import guarded_app
from .private_files import UMASK

_SHUTDOWN_SECONDS = 3


def main() -> None:
    """Serve until the parent ends."""
    parser = argparse.ArgumentParser(description="A private Prefect server, for tripletmine's own use.")
    parser.add_argument("--parent", type=int, required=True, help="process with which the server ends")
    parser.add_argument("--socket", type=int, required=True, help="inherited listening socket")
    arguments = parser.parse_args()
    end_with_parent(arguments.parent)
    os.umask(UMASK)

    import uvicorn

    config = uvicorn.Config(
        guarded_app(),
        log_level="warning",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=arguments.socket)])


if __name__ == "__main__":
    main()
