"""How search and mining grow from 60,000 to 480,000 rows, and whether they keep to their memory.

    python -m tests.benchmarks.bench_scale [--memory-mib 1500] [--method hnsw] [--sizes 60000 120000 240000 480000]

Real images: Fashion-MNIST, each image also shifted by one and two pixels, projected on 64 principal components, with
unit length. Each size runs in a process of its own; the peak is what the operating system reports of it, Python and
compiled code included. Prints the exponent of time over rows, fitted to all sizes whose figures are in ``--folder``,
so that each size may be measured by a command of its own.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tripletmine.pipeline.data.fashion_mnist import DEBIAN_FOLDER, FashionMnist

SIZES = (60_000, 120_000, 240_000, 480_000)
NEIGHBOURS = 100
_SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (2, 0))


def vectors_of() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors float32 (480000, 64) and labels: first of the images as they are, then of each shift in turn."""
    data = FashionMnist(str(DEBIAN_FOLDER))
    images = data.read(np.arange(60_000)).astype(np.float32)
    labels = np.array(data.rows.labels.to_pylist()[:60_000])
    mean = images.mean(axis=0)
    flat = (images - mean).reshape(len(images), -1)
    _, directions = np.linalg.eigh(flat.T @ flat)
    parts = []
    for shift in _SHIFTS:
        moved = (np.roll(images, shift, axis=(1, 2)) - mean).reshape(len(images), -1) @ directions[:, -64:]
        parts.append(moved / np.linalg.norm(moved, axis=1, keepdims=True))
    return np.concatenate(parts).astype(np.float32), np.tile(labels, len(_SHIFTS))


def measure(folder: Path, rows: int, memory_mib: int, method: str) -> dict[str, float]:
    """Seconds and peak of one size, in this process."""
    from tripletmine.mining.graphs.build import neighbours_of
    from tripletmine.mining.labels import encode_labels
    from tripletmine.mining.miner import mine
    from tripletmine.mining.rule import MiningRule

    vectors = np.load(folder / "vectors.npy", mmap_mode="r")[:rows]
    labels = encode_labels(np.load(folder / "labels.npy")[:rows])
    rule = MiningRule(k_hardness=1.0)
    small = encode_labels(np.load(folder / "labels.npy")[:3000])
    mine(neighbours_of(np.array(vectors[:3000]), 50, method=method)[0], small, rule)  # compiles
    started = time.perf_counter()
    table, report = neighbours_of(vectors, NEIGHBOURS, method=method, memory_mib=memory_mib)
    searched = time.perf_counter()
    mined = mine(table, labels, rule)
    return {
        "rows": rows,
        "graph": searched - started,
        "mine": time.perf_counter() - searched,
        "recall": report.recall,
        "triplets": len(mined),
        "peak_mib": peak_mib(),
    }


def main() -> None:
    """Measure the sizes asked for, and print a table of all that have been measured."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--memory-mib", type=int, default=1500)
    options.add_argument("--method", default="hnsw", choices=["hnsw", "traverse_add"])
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows")
    options.add_argument("--folder", type=Path, default=Path("runs/scale"), help="vectors and figures")
    options.add_argument("--only", type=int, help="rows: measure one size in this process")
    arguments = options.parse_args()
    folder: Path = arguments.folder
    if arguments.only:
        found = measure(folder, arguments.only, arguments.memory_mib, arguments.method)
        print(json.dumps(found))
        return
    if not (folder / "labels.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        vectors, labels = vectors_of()
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "labels.npy", labels)
        del vectors
    for rows in arguments.sizes:
        command = [sys.executable, __file__, "--only", str(rows), "--folder", str(folder)]
        command += ["--memory-mib", str(arguments.memory_mib), "--method", arguments.method]
        touch(arguments.memory_mib)
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        figures_file(arguments, rows).write_text(output.splitlines()[-1])
    print(
        table(
            [
                json.loads(file.read_text())
                for rows in SIZES
                if (file := figures_file(arguments, rows)).exists()
            ]
        )
    )


def touch(mib: int) -> None:
    """Have another process use memory and give it back.

    A virtual machine gets each page from its host at first use, which can take longer than a search.
    """
    subprocess.run([sys.executable, "-c", f"import numpy; numpy.ones({mib} << 17)"], check=True)


def peak_mib() -> float:
    """Peak memory of this process since its start; getrusage may report that of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def figures_file(arguments: argparse.Namespace, rows: int) -> Path:
    """Where the figures of one size lie."""
    return arguments.folder / f"{arguments.method}-{arguments.memory_mib}-{rows}.json"


def table(runs: list[dict[str, float]]) -> str:
    """Markdown: a line for each size, and the exponent where there are several."""
    lines = ["| rows | graph s | mine s | recall | triplets | peak MiB |", "| ---: " * 6 + "|"]
    lines += [
        f"| {run['rows']:,} | {run['graph']:.1f} | {run['mine']:.1f} | {run['recall']:.4f} "
        f"| {run['triplets']:,} | {run['peak_mib']:.0f} |"
        for run in runs
    ]
    if len(runs) > 1:
        seconds = np.log([run["graph"] + run["mine"] for run in runs])
        exponent = np.polyfit(np.log([run["rows"] for run in runs]), seconds, 1)[0]
        lines += ["", f"time grows with the power {exponent:.2f} of the rows (wanted: at most 1.25)"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
