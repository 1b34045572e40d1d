"""The remedies in messages about locks and files work."""

import errno
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import PipelineError
from tripletmine.pipeline.storage.lock import exclusive_lock
from tripletmine.pipeline.storage.regular import read_regular

from ...remedies import Refusal


def held(path: Path, meanwhile: Callable[[], object] = lambda: None) -> None:
    with exclusive_lock(path, lease_seconds=0.1):
        meanwhile()


def test_the_remedy_for_a_file_system_without_locks_is_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no-locks").mkdir()
    flock = fcntl.flock

    def refusing(handle: int, operation: int) -> None:
        if "no-locks" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", refusing)
    Refusal(
        lambda: held(tmp_path / "no-locks" / ".lock"),
        "cannot be locked (No locks available): choose a run.directory on a file system with flock",
        lambda: held(tmp_path / ".lock"),
    ).require(PipelineError)


def test_a_lock_that_was_lost_is_taken_again(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    Refusal(
        lambda: held(path, lambda: path.write_text("")),
        "was used by another process while this one was suspended: start it again",
        lambda: held(path),
    ).require(PipelineError)
    other = {"host": "elsewhere", "pid": 7, "boot": "other", "token": "other", "beat": 1}
    Refusal(
        lambda: held(path, lambda: path.write_text(json.dumps(other))),
        "is in use by process 7 on elsewhere: wait until it ends, or give this run another run.directory",
        lambda: held(path),
        lambda: held(tmp_path / "other"),
    ).require(PipelineError)


@pytest.mark.parametrize(
    "other", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)], ids=["folder", "pipe", "loop"]
)
def test_what_is_no_file_is_replaced_by_one_or_named_rightly(
    other: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    other(path)
    (tmp_path / "right.csv").touch()

    def restore() -> None:
        path.rmdir() if path.is_dir() else path.unlink()
        path.touch()
        read_regular(path)

    Refusal(
        lambda: read_regular(path),
        "restore the file, or correct the path",
        lambda: read_regular(tmp_path / "right.csv"),
        restore,
    ).require(PipelineError)
