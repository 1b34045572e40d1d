"""What happens inside a mount namespace: a small disk at /mnt, a run on it, a fault, and the run again.

unshare -m python -m tests.faults.kinds.disk_inside FAULT STAGE NUMBER UNDISTURBED [--prefect]
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ...forked import Started
from ...waiting import eventually
from ..product import Product, kill_group
from ..state import at_work, require_same
from .disk import FULL, LEFT_BYTES, PERMISSION, READ_ONLY, START
from .kills import kill_in

DISK = Path("/mnt")
SIZE = "300m"
WITHOUT_OVERRIDE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Root, bound by permissions. Another user might not reach our Python, and silently run with parts of another one."""


def mount(*options: str) -> None:
    """Mount, or mount again with other options."""
    subprocess.run(["mount", *options, str(DISK)], check=True)


def reach(product: Product, stage: str) -> Started:
    """Start the run and return when it is at work on this stage."""
    process = product.start()
    eventually(lambda: at_work(product.root) == stage or process.poll() is not None, f"{stage} at work")
    return process


def refused(product: Product, process: Started, *words: str) -> None:
    """Wait for the end of the run; if it failed, it must have said why in one message."""
    before = product.log
    eventually(lambda: process.poll() is not None, "the end of a run that cannot write")
    said = product.log
    assert "Traceback" not in said, said
    if process.returncode:
        assert process.returncode == 1, said
        last = said.splitlines()[-1]
        assert last.startswith("tripletmine: "), said
        assert any(word in last for word in words), f"{last!r} says none of {words}"
    assert len(before) <= len(said)


def disk_full(product: Product, stage: str, left: int) -> None:
    """Take the space away while the stage is at work, or before anything is, then give it back."""
    filler = DISK / "filler"
    if stage == START:
        product.ask(
            "check", str(product.run_file)
        )  # compiles what needs to be compiled, while there is space
        fill(filler, 2 * 2**20)
    process = product.start() if stage == START else reach(product, stage)
    try:
        if stage != START:
            fill(filler, left)
        refused(product, process, "No space left on device", "MiB of disk")
        if process.returncode:
            assert str(product.root) in product.log.splitlines()[-1], product.log
        assert "Error logging to API" not in product.log
    finally:
        kill_group(process)
        filler.unlink()


def fill(filler: Path, left: int) -> None:
    """Take all but `left` bytes of space, while the run goes on writing."""
    with filler.open("wb") as file:
        while True:
            free = os.statvfs(DISK)
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), 0, max(1, free.f_bavail * free.f_frsize - left))
                return


def read_only(product: Product, stage: str) -> None:
    """The disk is read-only when the run is started again; commands that only read still work."""
    if stage == "finished":
        product.finish()
    else:
        kill_in(product, stage, seed=0)
    mount("-o", "remount,ro")
    process = product.start()
    refused(product, process, "Read-only file system")
    assert process.returncode == 1, "a run cannot have the lock of a directory that it cannot write"
    if (product.root / "run.json").exists():
        for command in ("status", "verify"):
            code, said = product.ask(command, str(product.root))
            assert code == 0, said
    mount("-o", "remount,rw")


def permission_lost(product: Product, stage: str) -> None:
    """The folder that the stage writes to becomes read-only while the stage is at work."""
    process = reach(product, stage)
    folder = product.root
    if stage != "set-up":
        folder = product.root / "test" if stage == "test" else max(product.root.glob(f"epochs/*/{stage}"))
    folders = [folder]
    try:
        folders += [path for path in folder.rglob("*") if path.is_dir()]
        for each in folders:
            with suppress(FileNotFoundError):  # scratch files that went with their stage
                each.chmod(0o555)
        refused(product, process, "Permission denied")
    finally:
        kill_group(process)
        for each in folders:
            with suppress(FileNotFoundError):
                each.chmod(0o755)


def main(fault: str, stage: str, number: int, undisturbed: Path, log_folder: Path, *, prefect: bool) -> None:
    mount("-t", "tmpfs", "-o", f"size={SIZE}", "none")
    wrapper = WITHOUT_OVERRIDE if fault == PERMISSION else ()
    product = Product(
        DISK / "run",
        options=() if prefect else ("--no-prefect",),
        wrapper=wrapper,
        environment={"HOME": str(DISK)},
        log_folder=log_folder,
    )
    started = time.monotonic()
    match fault:
        case "disk full":
            disk_full(product, stage, LEFT_BYTES[number])
        case "read-only file system":
            read_only(product, stage)
        case _:
            permission_lost(product, stage)
    product.finish()
    require_same(product.root, undisturbed)
    print(f"{fault} in {stage}: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    assert {FULL, READ_ONLY, PERMISSION}
    with TemporaryDirectory() as outside:
        main(
            sys.argv[1],
            sys.argv[2],
            int(sys.argv[3]),
            Path(sys.argv[4]),
            Path(outside),
            prefect="--prefect" in sys.argv,
        )
