"""A disk that runs full or becomes read-only, and permissions that are lost, at every kind of write.

Each case runs in a mount namespace of its own, on a small disk that only it sees: see disk_inside.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..cases import CannotBeTried, Case, References, Tally
from ..product import private_environment

FULL = "disk full"
READ_ONLY = "read-only file system"
PERMISSION = "permission lost"

START = "the start"
STAGES = ("set-up", "train", "evaluate", "embed", "graph", "mine", "test")
LEFT_BYTES = (0, 4096, 65_536)
"""Space left on a full disk: a write fails at the beginning of a file, in its middle, or at the next file."""


def on_a_small_disk(
    folder: Path, references: References, *, fault: str, stage: str, number: int = 0, prefect: bool = False
) -> Tally:
    """Let `disk_inside` inflict the fault on a disk of its own."""
    if not may_mount():
        raise CannotBeTried("no mount namespace of its own (unshare -m) on this machine")
    if fault == PERMISSION and (os.getuid() != 0 or shutil.which("setpriv") is None):
        raise CannotBeTried("only root, with setpriv, can give up its right to pass over permissions")
    command = [sys.executable, "-m", "tests.faults.kinds.disk_inside", fault, stage, str(number)]
    ended = subprocess.run(
        [*_unshare(), *command, str(references.finished().root), *(["--prefect"] if prefect else [])],
        cwd=Path(__file__).parents[3],
        env=private_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Tally(tried=1, survived=1)


def may_mount() -> bool:
    """Whether this machine lets us mount something that nobody else sees."""
    if shutil.which("unshare") is None:
        return False
    command = [*_unshare(), "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _unshare() -> list[str]:
    return ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]


def cases() -> Iterator[Case]:
    """Every stage with every amount of space left."""
    for stage in STAGES:
        for number, left in enumerate(LEFT_BYTES):
            run = partial(on_a_small_disk, fault=FULL, stage=stage, number=number)
            short = (stage, number) == ("graph", 1)
            yield Case(FULL, f"in {stage}, {left} bytes left", run, short=short, system=True)
    for stage in (START, "train", "mine"):
        run = partial(on_a_small_disk, fault=FULL, stage=stage, prefect=True)
        yield Case(FULL, f"with Prefect, in {stage}", run, short=stage != "mine", system=True)
    for stage in ("set-up", "embed", "train", "finished"):
        run = partial(on_a_small_disk, fault=READ_ONLY, stage=stage)
        yield Case(READ_ONLY, f"in {stage}", run, short=stage == "embed", system=True)
    for stage in STAGES:
        run = partial(on_a_small_disk, fault=PERMISSION, stage=stage)
        yield Case(PERMISSION, f"in {stage}", run, short=stage == "mine", system=True)
