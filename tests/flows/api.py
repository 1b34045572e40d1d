"""Ask a Prefect server, without importing Prefect into the tests' own process."""

import base64
import json
import urllib.request
from typing import Any

from ..waiting import PATIENCE_SECONDS


def ask(url: str, key: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST if there is a body. key: `user:password`."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": authorization(key)}
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.loads(answer.read())


def authorization(key: str) -> str:
    """The Authorization header for this key."""
    return f"Basic {base64.b64encode(key.encode()).decode()}"


def flow_runs(url: str, key: str, *, deployment: str) -> list[dict[str, Any]]:
    """The runs of a deployment, those that ended last first."""
    wanted = {"deployments": {"name": {"any_": [deployment]}}, "sort": "END_TIME_DESC"}
    return ask(url, key, "/flow_runs/filter", wanted)
