"""Ask a Prefect server, without importing Prefect into the tests' own process."""

import base64
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from ..waiting import PATIENCE_SECONDS, eventually

POLL_SECONDS = 0.3
"""Between two questions: a server that is asked without a pause takes a core of its own."""


def ask(url: str, key: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST if there is a body. key: `user:password`.

    A server whose database is busy answers 503, and is asked again, as Prefect's own client does.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": authorization(key)}
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)

    def answered() -> list[Any] | None:
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return [json.loads(answer.read())]
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return None

    return eventually(answered, f"an answer from {path}", every=POLL_SECONDS)[0]


def authorization(key: str) -> str:
    """The Authorization header for this key."""
    return f"Basic {base64.b64encode(key.encode()).decode()}"


def flow_runs(url: str, key: str, *, deployment: str) -> list[dict[str, Any]]:
    """The runs of a deployment, those that ended last first."""
    wanted = {"deployments": {"name": {"any_": [deployment]}}, "sort": "END_TIME_DESC"}
    return ask(url, key, "/flow_runs/filter", wanted)
