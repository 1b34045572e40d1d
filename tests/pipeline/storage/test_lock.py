import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest
from tripletmine.pipeline.errors import LockedError
from tripletmine.pipeline.storage.lock import exclusive_lock

from ...waiting import PATIENCE_SECONDS

HOLDER = """
import sys
from pathlib import Path
from tripletmine.pipeline.storage.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_process_is_refused_and_told_who_holds_it(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with (
        pytest.raises(LockedError, match=rf"{tmp_path} is in use by process {holder.pid} on .*: wait until"),
        exclusive_lock(tmp_path / ".lock"),
    ):
        pass


def test_a_killed_holder_leaves_no_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with exclusive_lock(tmp_path / ".lock"):
        assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_it_can_be_taken_again_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with (
            exclusive_lock(tmp_path / ".lock"),
            pytest.raises(LockedError),
            exclusive_lock(tmp_path / ".lock"),
        ):
            pass


def test_children_do_not_keep_it(tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / ".lock"):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with child, exclusive_lock(tmp_path / ".lock"):
        assert child.poll() is None, "the child is still there"
        child.kill()


@pytest.mark.parametrize("content", ["", "{", "null", '{"pid": "x", "host": "y"}'])
def test_a_lock_file_without_a_readable_holder(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".lock"
    with exclusive_lock(path):
        ours = path.read_bytes()
        path.write_text(content)
        with pytest.raises(LockedError, match="in use by another process"), exclusive_lock(path):
            pass
        path.write_bytes(ours)


def record(path: Path, **changes: object) -> None:
    """A lock file as a holder on another machine leaves it; nobody here has it locked."""
    there = {"host": "elsewhere", "pid": 7, "boot": "another", "token": "theirs", "beat": 0}
    path.touch()
    with path.open("r+") as file:  # in place: an empty file would say that the other has ended
        file.write(json.dumps({**there, **changes}).ljust(512))


def test_a_holder_on_another_machine_that_is_silent_counts_as_dead(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    record(path)
    said: list[str] = []
    with exclusive_lock(path, note=said.append, lease_seconds=0.01):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert said == [f"{tmp_path} was last used by process 7 on elsewhere: waiting 0.01 s for a sign of life"]


def test_a_holder_on_another_machine_that_lives_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    record(path)
    with (
        pytest.raises(LockedError, match="in use by process 7 on elsewhere"),
        exclusive_lock(path, note=lambda _: record(path, beat=1), lease_seconds=60),
    ):
        pass


def test_a_holder_on_another_machine_that_let_go_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    record(path)

    def let_go(_: str) -> None:
        path.write_text("")

    with exclusive_lock(path, note=let_go, lease_seconds=600):
        pass
    assert path.read_text() == ""


def test_a_holder_shows_that_it_lives(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with exclusive_lock(path, beat_seconds=0.001):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while json.loads(path.read_text())["beat"] < 2:
            assert time.monotonic() < deadline


def taken_over(path: Path) -> None:
    """Repeatedly, since a heartbeat that had just read may write once more over what another machine wrote."""
    for _ in range(1500):
        record(path)
        Event().wait(0.2)


def test_a_suspended_holder_whose_lock_was_taken_over_ends(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        pytest.raises(LockedError, match="in use by process 7 on elsewhere"),
        exclusive_lock(path, beat_seconds=0.001),
    ):
        taken_over(path)
    assert json.loads(path.read_text())["token"] == "theirs", "it is not ours to take back"


def test_a_holder_that_ends_after_its_lock_was_taken_over_says_so(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        pytest.raises(LockedError, match="in use by process 7 on elsewhere"),
        exclusive_lock(path, beat_seconds=600),
    ):
        record(path)
    assert json.loads(path.read_text())["token"] == "theirs", "it is not ours to take back"


def test_a_suspended_holder_ends_if_another_came_and_went(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        pytest.raises(
            LockedError, match="used by another process while this one was suspended: start it again"
        ),
        exclusive_lock(path, beat_seconds=600),
    ):
        path.write_text("")


IGNORES_CTRL_C = """
import signal, sys, time
from pathlib import Path
from tripletmine.flows.terminal.errors import reporting
from tripletmine.pipeline.storage.lock import exclusive_lock
signal.signal(signal.SIGINT, signal.SIG_IGN)
with reporting(False), exclusive_lock(Path(sys.argv[1]), beat_seconds=0.001):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_holder_that_ignores_ctrl_c_ends_too(tmp_path: Path) -> None:
    """Background jobs of a script ignore it."""
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", IGNORES_CTRL_C, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        while process.poll() is None:
            record(path)
            Event().wait(0.2)
        assert process.stderr is not None
        said = process.stderr.read()
    assert f"tripletmine: run directory {tmp_path} is in use by process 7 on elsewhere" in said
    assert json.loads(path.read_text())["token"] == "theirs"


def test_a_child_that_is_forked_alone_does_not_keep_it(tmp_path: Path) -> None:
    """In a process of its own: a fork of the tests' own process, with its threads, would be unsound."""
    script = """
import os, sys
from pathlib import Path
from tripletmine.pipeline.storage.lock import exclusive_lock
read, write = os.pipe()
with exclusive_lock(Path(sys.argv[1])):
    if os.fork() == 0:
        os.write(1, b"forked")
    os.read(read, 1)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / ".lock")],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(6) == b"forked"
        process.kill()
        process.wait(PATIENCE_SECONDS)
        try:
            with exclusive_lock(tmp_path / ".lock"):
                pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)
