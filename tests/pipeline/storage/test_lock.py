import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import LockedError
from tripletmine.pipeline.storage.lock import exclusive_lock

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
        path.write_text(content)
        with pytest.raises(LockedError, match="in use by another process"), exclusive_lock(path):
            pass
