"""A user's own encoder that cancels and deletes Prefect's record of its run, as anybody with access to the server can.

Copied beside the run file; it does so when it is built, first in the warm-up epoch.
"""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

from torch import nn


def build(input_shape: tuple[int, ...], embedding_dim: int) -> nn.Module:
    """The factory that the run file names."""
    named = {"flow_runs": {"name": {"like_": "vanishing"}}}
    for flow_run in _ask("POST", "/flow_runs/filter", named):
        place = f"/flow_runs/{flow_run['id']}"
        _ask("POST", f"{place}/set_state", {"state": {"type": "CANCELLED"}, "force": True})
        _ask("DELETE", place)
    return nn.Linear(input_shape[0], embedding_dim)


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    key = base64.b64encode(os.environ["PREFECT_API_AUTH_STRING"].encode()).decode()
    request = urllib.request.Request(
        os.environ["PREFECT_API_URL"] + path,
        method=method,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Basic {key}"},
    )
    for _ in range(5):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            time.sleep(1)  # its database is busy
    raise TimeoutError(f"{method} {path}: the server stays busy")
