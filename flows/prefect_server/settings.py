"""The environment in which Prefect is imported, so that it is quiet, private and leaves nothing in the home directory.

Prefect reads its settings once, at import, so all of them are environment variables set beforehand.
"""

import os
import secrets
from pathlib import Path

from ..environment import QUIET_DASK, unless_set


def client_settings(home: Path, *, debug: bool = False) -> dict[str, str]:
    """Settings for the process of a run, whichever server it talks to. Variables that the user has set are left out.

    home: replaces Prefect's folder in the home directory. debug: print Prefect's log lines in the terminal, too; by
    default they only go to its database, since our own lines already show the progress.
    """
    wanted = {
        "PREFECT_HOME": str(home),
        # Both are needed: one is for the client, one for the server.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO" if debug else "CRITICAL",
        # Errors about events that a server no longer takes.
        "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR" if debug else "CRITICAL",
        # Once Prefect is imported, Dask's loggers reach the terminal through Prefect's root handler.
        **QUIET_DASK,
        # Seconds between two looks of a served schedule for due runs.
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    }
    return unless_set(wanted)


SERVER_KEY = "PREFECT_SERVER_API_AUTH_STRING"
"""The variable in which a Prefect server finds `user:password`, without which it answers only health checks."""


def new_key() -> str:
    """The key shared by the private server and its clients: the one the user has set, or a random one for this start.

    It is kept only in the environment of both.
    """
    return os.environ.get(SERVER_KEY) or f"tripletmine:{secrets.token_urlsafe(32)}"


_IMPATIENT = {
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_CLIENT_RETRY_JITTER_FACTOR": "0",
    "PREFECT_API_REQUEST_TIMEOUT": "10",
}
"""Retries for a server on this machine: one, after two seconds. A local server either runs or has ended, and the run
goes on without it; Prefect's default retries would block the run for a minute at each request."""


def api_settings(url: str, key: str) -> dict[str, str]:
    """Settings with which a client reaches the private server. No proxy is used: its loopback would be its own."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    without_proxy = f"{direct},127.0.0.1" if direct else "127.0.0.1"
    return {
        "PREFECT_API_URL": url,
        "PREFECT_API_AUTH_STRING": key,
        "NO_PROXY": without_proxy,
        "no_proxy": without_proxy,
        **unless_set(_IMPATIENT),
    }


def server_settings(home: Path, port: int, key: str, *, web_ui: bool) -> dict[str, str]:
    """Settings of the private server in addition to the client's."""
    return {
        SERVER_KEY: key,
        # Prefect's default lets any web page send requests and read the answers.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_UI_ENABLED": "true" if web_ui else "false",
        # The newer web pages fetch fonts and scripts from elsewhere; these do not.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Block types are for secrets and storage, which no run uses; registering them takes two seconds.
        "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
        # By default Prefect copies the pages into the installed package, which may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
    }
