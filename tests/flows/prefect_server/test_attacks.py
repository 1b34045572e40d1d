"""A private server refuses all that other users of the machine, and web pages in a browser on it, may try."""

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ...waiting import PATIENCE_SECONDS
from ..api import ask, authorization
from ..processes import Holder

PROBES = {("GET", "/health"), ("GET", "/ready")}
"""What Prefect answers to everybody: that it is healthy."""

WRONG_KEYS = (None, "Basic", authorization("tripletmine:guessed"), authorization(""), "Bearer x")
EVENTS = ("/events/in", "/events/out", "/logs/out", "/task_runs/subscriptions/scheduled")


def request(server: Holder, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Answer to a request with exactly these headers; `path` begins at the root."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request(method, path, body=b"{}" if method != "GET" else None, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def with_key(server: Holder, **more: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": authorization(server.key), **more}


def routes(server: Holder) -> list[tuple[str, str]]:
    """Method and path of each route of the API, which lists them for whoever has the key."""
    paths = ask(server.url, server.key, "/openapi.json")["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_without_the_key_no_route_answers(prefect_server):
    found = routes(prefect_server)
    assert len(found) > 150
    answered = {}
    for method, path in found:
        asked = "/api" + re.sub(r"\{\w+\}", str(uuid4()), path)
        status = request(prefect_server, method, asked, {"Content-Type": "application/json"}).status
        if status != 401:
            answered[method, path] = status
    assert set(answered) <= PROBES, answered


@pytest.mark.parametrize("header", WRONG_KEYS)
def test_with_a_wrong_key_nothing_is_told_and_nothing_is_done(prefect_server, header):
    headers = {"Content-Type": "application/json", **({} if header is None else {"Authorization": header})}
    assert request(prefect_server, "POST", "/api/flow_runs/filter", headers).status == 401
    assert request(prefect_server, "POST", "/api/flows/", headers).status == 401


def test_the_key_opens_the_api(prefect_server):
    assert ask(prefect_server.url, prefect_server.key, "/flow_runs/filter", {}) is not None


@pytest.mark.parametrize("path", EVENTS)
@pytest.mark.parametrize("token", [None, "tripletmine:guessed"])
def test_without_the_key_no_stream_opens(prefect_server, path, token):
    url = prefect_server.url.replace("http", "ws") + path
    with connect(url, subprotocols=[Subprotocol("prefect")]) as told:
        told.send(json.dumps({"type": "auth", "token": token}))
        with pytest.raises(ConnectionClosed) as closed:
            told.recv(timeout=PATIENCE_SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("path", EVENTS)
def test_a_stream_without_prefects_protocol_is_refused(prefect_server, path):
    with pytest.raises(InvalidStatus), connect(prefect_server.url.replace("http", "ws") + path):
        pytest.fail("it opened")


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/ui-settings", "/runs"])
def test_nothing_lies_beside_the_api(prefect_server, path):
    assert request(prefect_server, "GET", path, {}).status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1]", ""])
def test_a_page_whose_name_was_made_to_point_here_is_refused(prefect_server, host):
    assert request(prefect_server, "GET", "/api/health", with_key(prefect_server, Host=host)).status == 400


def test_a_page_of_elsewhere_may_neither_ask_nor_read(prefect_server):
    foreign = {"Origin": "http://evil.example"}
    asked = request(
        prefect_server,
        "OPTIONS",
        "/api/flow_runs/filter",
        {**foreign, "Access-Control-Request-Method": "POST"},
    )
    assert asked.status == 400
    read = request(prefect_server, "GET", "/api/health", with_key(prefect_server, **foreign))
    for answer in (asked, read):
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_the_key_is_in_no_command_line_and_in_no_file(prefect_server):
    ask(prefect_server.url, prefect_server.key, "/flow_runs/filter", {})
    holder = psutil.Process(prefect_server.process.pid)
    for process in (holder, *holder.children(recursive=True)):
        assert prefect_server.key not in " ".join(process.cmdline())
    secrets = (prefect_server.key.encode(), base64.b64encode(prefect_server.key.encode()))
    for path in prefect_server.directory.rglob("*"):
        if path.is_file():
            assert not any(secret in path.read_bytes() for secret in secrets), path


def test_its_files_are_its_owners_alone(prefect_server):
    """Even where others may read the user's other files: see `start_holder`."""
    home = prefect_server.directory / ".prefect"
    modes = {path: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
    assert home / "prefect.db" in modes
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}


@pytest.mark.system
@pytest.mark.skipif(os.getuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv")
def test_another_user_gets_neither_the_key_nor_an_answer_nor_a_file(prefect_server):
    (server,) = prefect_server.servers
    url = urlsplit(prefect_server.url)
    code = f"""
import http.client, os
from pathlib import Path
assert os.getuid() == 65534
for process in ({server.pid}, {prefect_server.process.pid}):
    try:
        Path(f"/proc/{{process}}/environ").read_bytes()
    except PermissionError:
        print("refused")
for method, path in [("POST", "/api/flow_runs/filter"), ("POST", "/api/deployments/filter"),
                     ("DELETE", "/api/flow_runs/{uuid4()}"), ("POST", "/api/flow_runs/{uuid4()}/set_state")]:
    connection = http.client.HTTPConnection("{url.hostname}", {url.port}, timeout=10)
    connection.request(method, path, body=b"{{}}", headers={{"Content-Type": "application/json"}})
    print(connection.getresponse().status)
"""
    other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    ended = subprocess.run(
        [*other, python(), "-c", code], cwd="/", capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == ["refused", "refused", "401", "401", "401", "401"], ended.stderr
    # The same if the folders around its home are open, as those of a project are.
    with TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o755)
        home = Path(shutil.copytree(prefect_server.directory / ".prefect", Path(open_folder, ".prefect")))
        for path in (home, home / "prefect.db", home / "server.log"):
            seen = subprocess.run([*other, "cat", path], capture_output=True, text=True, check=False)
            assert "Permission denied" in seen.stderr, path


def python() -> str:
    """An interpreter that other users may run, too: the environment's may lie in somebody's home."""
    return shutil.which("python3", path="/usr/local/bin:/usr/bin") or sys.executable
