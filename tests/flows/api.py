"""Asking a Prefect server, without importing Prefect into the tests' own process."""

import json
import urllib.request
from typing import Any


def ask(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """GET, or POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def flow_runs(url: str, *, deployment: str) -> list[dict[str, Any]]:
    """The runs of a deployment, those first that ended first."""
    wanted = {"deployments": {"name": {"any_": [deployment]}}, "sort": "END_TIME_DESC"}
    return ask(url, "/flow_runs/filter", wanted)
