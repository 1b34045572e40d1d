"""Variables come and go with their block; the user's own stay."""

import os

import pytest
from tripletmine.flows.environment import environment, unless_set
from tripletmine.flows.prefect_server.settings import SERVER_KEY, api_settings, client_settings, new_key


def test_a_block_leaves_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("OLD", "before")
    monkeypatch.delenv("NEW", raising=False)
    with environment({"OLD": "within", "NEW": "within"}):
        assert (os.environ["OLD"], os.environ["NEW"]) == ("within", "within")
    assert os.environ["OLD"] == "before"
    assert "NEW" not in os.environ


def test_what_the_user_set_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", "/mine")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    assert unless_set({"PREFECT_HOME": "/ours"}) == {}
    settings = client_settings(tmp_path)
    assert "PREFECT_HOME" not in settings
    assert settings["DO_NOT_TRACK"] == "1"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("NO_PROXY", "intern", "intern,127.0.0.1"),
        ("no_proxy", "a,b", "a,b,127.0.0.1"),
        ("OTHER", "", "127.0.0.1"),
    ],
)
def test_loopback_joins_the_hosts_that_need_no_proxy(name, value, expected, monkeypatch):
    for each in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    settings = api_settings("http://127.0.0.1:1/api", "name:password")
    assert settings["NO_PROXY"] == settings["no_proxy"] == expected


def test_each_start_has_a_key_of_its_own_unless_the_user_chose_one(monkeypatch):
    monkeypatch.delenv(SERVER_KEY, raising=False)
    first, second = new_key(), new_key()
    assert first != second
    assert all(len(key.partition(":")[2]) >= 43 for key in (first, second)), "256 bits"
    monkeypatch.setenv(SERVER_KEY, "me:mine")
    assert new_key() == "me:mine"
