"""A private Prefect server's directory: one server each, and a disk on which SQLite works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tripletmine.flows.prefect_server import home as prefect_home
from tripletmine.flows.prefect_server.home import on_network_file_system, private_home

from ...waiting import PATIENCE_SECONDS

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:40 / /shared rw,relatime shared:1 - nfs4 server:/export rw
41 40 8:2 / /shared/scratch rw - xfs /dev/sdb1 rw
42 22 0:41 / /with\\040blank rw - fuse.sshfs host: rw
"""


@pytest.fixture
def mounts(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("path", "network"),
    [
        ("/home/me", False),
        ("/shared/runs/digits", True),
        ("/shared/scratch/runs", False),
        ("/sharedness", False),
        ("/with blank/runs", True),
    ],
)
def test_the_nearest_mount_decides(path, network, mounts):
    assert on_network_file_system(Path(path), mounts) is network


def test_a_system_without_mountinfo_is_taken_as_local(tmp_path):
    assert not on_network_file_system(Path("/shared"), tmp_path / "nothing")


def test_the_home_is_the_directory_itself_and_stays(tmp_path):
    with private_home(tmp_path / "home") as (home, lock):
        assert home == tmp_path / "home"
        assert not os.get_inheritable(lock)
    assert home.is_dir()


def test_a_second_server_gets_a_temporary_home(tmp_path):
    with private_home(tmp_path) as (first, _), private_home(tmp_path) as (second, _):
        assert second != first
        assert second.is_dir()
    assert not second.exists()
    with private_home(tmp_path) as (again, _):
        assert again == first


def test_the_home_is_taken_for_as_long_as_a_process_that_inherited_the_lock_lives(tmp_path):
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with private_home(tmp_path) as (_, lock):
        server = subprocess.Popen(waiting, stdin=subprocess.PIPE, pass_fds=(lock,))
    with private_home(tmp_path) as (other, _):
        assert other != tmp_path
    server.communicate(timeout=PATIENCE_SECONDS)
    with private_home(tmp_path) as (again, _):
        assert again == tmp_path


def test_a_network_file_system_is_avoided(tmp_path, monkeypatch):
    monkeypatch.setattr(prefect_home, "on_network_file_system", lambda path: True)
    with private_home(tmp_path / "home") as (home, _):
        assert home != tmp_path / "home"
    assert not (tmp_path / "home").exists()
