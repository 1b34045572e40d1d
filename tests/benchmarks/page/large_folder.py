"""Time and memory of the page of a large folder of triplets: a million synthetic vectors.

    python -m tests.benchmarks.page.large_folder [--rows 1000000] [--out runs/million]

The folder is mined once and kept (some minutes). The page is made three times, each time by the command line in a
process of its own, whose time and peak are printed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import tripletmine as tm
from numpy.typing import NDArray

GROUP, WIDTH, NEIGHBOURS, CLASS = 1000, 32, 30, 20


def vectors_of(rows: int) -> NDArray[np.float32]:
    """float32 (rows, 32) of unit length: classes of twenty, fifty of them in a group."""
    random = np.random.default_rng(0)
    found = np.empty((rows, WIDTH), np.float32)
    for start in range(0, rows, GROUP):
        classes = random.normal(size=WIDTH) + 0.5 * random.normal(size=(GROUP // CLASS, WIDTH))
        group = np.repeat(classes, CLASS, axis=0) + 0.35 * random.normal(size=(GROUP, WIDTH))
        found[start : start + GROUP] = group / np.linalg.norm(group, axis=1, keepdims=True)
    return found


def mine(folder: Path, rows: int) -> Path:
    """The mined folder, made if it is missing."""
    if not (folder / "mined").exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", vectors_of(rows))
        np.save(folder / "labels.npy", np.char.add("class-", (np.arange(rows) // CLASS).astype("U7")))
        tm.mine_files(
            folder / "vectors.npy",
            folder / "labels.npy",
            folder / "mined",
            neighbours=NEIGHBOURS,
            audit_sample=0,
        )
    return folder / "mined"


def measure(mined: Path, page: Path) -> tuple[float, float, float]:
    """Seconds by the clock, CPU seconds and peak MiB of one `tripletmine report`."""
    command = str(Path(sys.executable).with_name("tripletmine"))
    started = time.monotonic()
    child = os.posix_spawn(command, [command, "report", str(mined), "--out", str(page)], os.environ)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"tripletmine report ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * _UNIT / 2**20


_UNIT = 1 if sys.platform == "darwin" else 1024
"""The unit in which `resource` counts memory, in bytes."""


def main() -> None:
    """Print a line for each try."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("runs/million"))
    options = parser.parse_args()
    mined, page = mine(options.out, options.rows), options.out / "report.html"
    print("| seconds | of the processor | MiB at most | page, kB |\n| ---: | ---: | ---: | ---: |")
    for _ in range(3):
        seconds, processor, peak = measure(mined, page)
        print(f"| {seconds:.1f} | {processor:.1f} | {peak:.0f} | {page.stat().st_size / 1000:.0f} |")


if __name__ == "__main__":
    main()
