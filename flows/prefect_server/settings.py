"""The environment in which Prefect is imported: quiet, private, and nothing in the home directory.

Prefect reads its settings once, at import, so all of them are environment variables set beforehand.
"""

import os
import secrets
from pathlib import Path

from ..environment import QUIET_DASK, unless_set


def client_settings(home: Path, *, debug: bool = False) -> dict[str, str]:
    """What the process of a run needs, whichever server it talks to.

    `home` holds what Prefect would otherwise put in the home directory. Our own lines tell the story of a run in
    the terminal, so Prefect's stay in its database unless `debug`. Variables that the user has set are left alone.
    """
    wanted = {
        "PREFECT_HOME": str(home),
        # Two switches, and both are needed: one for the client, one for the server.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO" if debug else "CRITICAL",
        # Of events that a server no longer takes.
        "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR" if debug else "CRITICAL",
        # Once Prefect is imported, Dask's loggers reach the terminal through Prefect's root handler.
        **QUIET_DASK,
        # A served schedule looks for due runs this often, in seconds.
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    }
    return unless_set(wanted)


SERVER_KEY = "PREFECT_SERVER_API_AUTH_STRING"
"""Where a server of Prefect finds `user:password`, without which it answers nothing but that it is well."""


def new_key() -> str:
    """What the private server and its clients share: drawn for one start, or what the user has chosen to know.

    It is in the environment of both and nowhere else.
    """
    return os.environ.get(SERVER_KEY) or f"tripletmine:{secrets.token_urlsafe(32)}"


_IMPATIENT = {
    "PREFECT_CLIENT_MAX_RETRIES": "1",
    "PREFECT_CLIENT_RETRY_JITTER_FACTOR": "0",
    "PREFECT_API_REQUEST_TIMEOUT": "10",
}
"""Of a server on this machine: one try more, after two seconds. It is there or it has ended, and the run, which goes on
without it, would stand still while Prefect tries again: by default for a minute at each request."""


def api_settings(url: str, key: str) -> dict[str, str]:
    """How a client reaches the private server: never by way of a proxy, which has a loopback of its own."""
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
    """What the private server needs on top of the client's settings."""
    return {
        SERVER_KEY: key,
        # By default any web page may send requests and read the answers.
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
        # By default the pages are copied into the installed package, which may be read-only.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
    }
