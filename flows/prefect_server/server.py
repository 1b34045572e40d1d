"""The Prefect server that a command talks to: the user's, or a private one that lives as long as the command.

The private server is an ordinary child process on 127.0.0.1 with its database inside the run directory. Prefect's own
ephemeral server is not used: as of Prefect 3.9.1 it survives a killed parent, keeps the parent's output open, receives
the parent's Ctrl-C, picks a port without holding it, and reports itself ready to a second thread too early.
"""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ...pipeline.errors import UnavailableError
from ..environment import environment
from .home import private_home
from .private_files import make_private, open_private
from .quiet_handlers import quiet_handlers
from .settings import SERVER_KEY, api_settings, client_settings, new_key, server_settings
from .template import keep_template, prepare_database, template_path

START_SECONDS = 120.0
"""Limit for the start of a private server; a start takes 4 s on a small machine, 8 to 15 s the first time."""

ANSWER_SECONDS = 5.0
"""Limit for an answer of the user's own server."""

ROOM = 32 * 2**20
"""Free bytes that a private server needs on its disk: a new database with its log has 6 MiB."""

_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_LOG_LINES = 5
_WITHOUT = "run the stages without one with --no-prefect"


def _nothing() -> None:
    """The default for `meanwhile`."""


@contextmanager
def prefect_api(
    directory: Path,
    *,
    web_ui: bool = False,
    debug: bool = False,
    meanwhile: Callable[[], object] = _nothing,
) -> Iterator[str]:
    """Yield the URL of a Prefect API that answers; Prefect may be imported within the block.

    If PREFECT_API_URL is set, that server is used. Otherwise a private one is started with its files in
    `directory/.prefect`; it ends with the block. It answers only clients with its key, which is in the environment
    within the block. Must be called by the main thread: the server ends with the thread that started it.

    web_ui: also serve Prefect's pages, if the user has chosen the key; without knowing it nobody could open them.
    meanwhile: called while the server starts, for slow imports.
    Raises: UnavailableError if the user's server does not answer, or the private one does not start.
    """
    url = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if url:
        require_answer(url)
        with environment(client_settings(directory / ".prefect", debug=debug)):
            meanwhile()
            yield from _until_logs_are_sent(url, debug=debug)
        return
    with (
        private_home(directory / ".prefect") as (home, lock),
        environment(client_settings(home, debug=debug)),
    ):
        require_room(home)
        template = template_path()
        is_new = prepare_database(home, template)
        key = new_key()
        with (
            _private_server(home, lock, key, web_ui=web_ui and SERVER_KEY in os.environ) as (server, url),
            environment(api_settings(url, key)),
        ):
            meanwhile()
            _wait_until_healthy(server, url, home / "server.log")
            make_private(home)  # Prefect copies the folders of its pages with their installed modes
            if is_new:
                keep_template(home, template)
            yield from _until_logs_are_sent(url, debug=debug)


def _until_logs_are_sent(url: str, *, debug: bool) -> Iterator[str]:
    """Yield the URL; at the end flush Prefect's logs while the server is still running."""
    with nullcontext() if debug else quiet_handlers():
        try:
            yield url
        finally:
            if "prefect" in sys.modules:
                from prefect.logging.handlers import APILogHandler

                APILogHandler().flush()


def require_answer(url: str, timeout: float = ANSWER_SECONDS) -> None:
    """Raises: UnavailableError unless the API at `url` answers within `timeout` seconds."""
    problem = _problem(url, timeout)
    if problem is not None:
        raise UnavailableError(
            f"PREFECT_API_URL is {url} but no Prefect server answers there within {timeout:g} s ({problem}): "
            "start it (`prefect server start`), correct the address, or unset PREFECT_API_URL to use a private server"
        )


def _problem(url: str, timeout: float) -> str | None:
    """The problem with the API's health check, or None."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=timeout):
            return None
    except urllib.error.HTTPError as error:
        # A server that asks for a key, or lacks this page, is running; such errors are reported by the first request.
        return f"HTTP {error.code}" if error.code >= 500 else None
    except ValueError:
        return "this is not a URL such as http://127.0.0.1:4200/api"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__


@contextmanager
def _private_server(
    home: Path, lock: int, key: str, *, web_ui: bool
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Yield a server process on a free port of 127.0.0.1, and its URL; the process is stopped after the block."""
    with socket.socket() as listener:
        # The socket is bound here and inherited, so that no other process can take the port meanwhile.
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "tripletmine.flows.prefect_server.child"]
        command += ["--parent", str(os.getpid()), "--socket", str(listener.fileno())]
        with os.fdopen(open_private(home / "server.log"), "wb") as log:
            server = subprocess.Popen(
                command,
                cwd=home,
                env={**os.environ, **server_settings(home, port, key, web_ui=web_ui)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(), lock),
                # Ctrl-C must not reach the server, because the interrupted run still reports to it.
                start_new_session=True,
            )
    try:
        yield server, f"http://127.0.0.1:{port}/api"
    finally:
        _stop(server)


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        if server.poll() is not None:
            require_room(log.parent)
            raise UnavailableError(
                f"the private Prefect server ended with exit code {server.returncode} while starting: {_WITHOUT}; "
                f"{log} ends with\n{_tail(log)}"
            )
        try:
            with direct.open(f"{url}/health", timeout=1.0):
                return
        except (OSError, http.client.HTTPException):
            time.sleep(_POLL_SECONDS)
    raise UnavailableError(
        f"the private Prefect server did not answer within {START_SECONDS:g} s: {_WITHOUT}; {log} may say why"
    )


def require_room(home: Path) -> None:
    """Raises: UnavailableError if less than ROOM is free. SQLite's own errors name neither disk nor folder."""
    free = shutil.disk_usage(home).free
    if free < ROOM:
        raise UnavailableError(
            f"the private Prefect server needs {ROOM >> 20} MiB of disk but {home} has {free >> 20} MiB free: free "
            f"some, or {_WITHOUT}"
        )


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
