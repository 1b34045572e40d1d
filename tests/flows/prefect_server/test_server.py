"""The private server: it is ours alone, and it is gone when we are. A user's server is used as it is."""

import os
import socket
import sys

import psutil
import pytest
from tripletmine.flows.prefect_server.server import prefect_api, require_answer
from tripletmine.pipeline.errors import UnavailableError

from ...waiting import PATIENCE_SECONDS
from ..processes import kill, start_holder


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)


def test_it_answers_on_loopback_only_and_leaves_the_home_directory_alone(prefect_server):
    require_answer(prefect_server.url)
    (server,) = prefect_server.servers
    listening = {each.laddr.ip for each in server.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}
    assert list(prefect_server.user_home.iterdir()) == []
    assert (prefect_server.directory / ".prefect" / "prefect.db").exists()


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path):
    holder = start_holder(tmp_path / "run", tmp_path)
    servers = holder.servers
    assert len(servers) == 1
    kill(holder.process)
    assert not psutil.wait_procs(servers, PATIENCE_SECONDS)[1]


def test_a_server_that_cannot_start_is_named_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    expected = pytest.raises(
        UnavailableError, match=r"exit code 1 while starting: .*--no-prefect; .*server\.log ends with"
    )
    with expected, prefect_api(tmp_path):
        pytest.fail("it cannot have started")


def test_the_environment_is_as_before_once_the_block_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    before = dict(os.environ)
    with pytest.raises(UnavailableError), prefect_api(tmp_path):
        pass
    assert dict(os.environ) == before


def test_a_users_own_server_is_used(prefect_server, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.url)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with prefect_api(tmp_path) as url:
        assert url == prefect_server.url
        assert os.environ["DO_NOT_TRACK"] == "1"
    assert not (tmp_path / ".prefect").exists()


def test_a_users_server_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/api")
        expected = pytest.raises(UnavailableError, match=r"no Prefect server answers .*refused.*server start")
        with expected, prefect_api(tmp_path):
            pytest.fail("there is no server")


def test_a_server_that_accepts_but_never_answers_is_given_up():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(UnavailableError, match=r"within 0\.2 s \(.*timed out"):
            require_answer(f"http://127.0.0.1:{mute.getsockname()[1]}/api", timeout=0.2)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(UnavailableError, match="not a URL"):
        require_answer("localhost")
