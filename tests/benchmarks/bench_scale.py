"""How search and mining grow from 60,000 to 480,000 rows, and whether they keep to their memory.

    python tests/benchmarks/bench_scale.py [--memory-mib 1500] [--method hnsw]

Real images: Fashion-MNIST, each image also shifted by one and two pixels, projected on 64 principal components, of
unit length. Each size runs in a process of its own; the peak is what the operating system accounts to it, Python and
compiled code included. Prints the exponent of time over rows, fitted to all sizes.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tripletmine.pipeline.data.fashion_mnist import DEBIAN_FOLDER, FashionMnist

SIZES = (60_000, 120_000, 240_000, 480_000)
NEIGHBOURS = 100
_SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (2, 0))


def vectors_of() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors float32 (480000, 64) and labels, the images as they are first, each shift after the other."""
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
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure all sizes and print a table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--memory-mib", type=int, default=1500)
    options.add_argument("--method", default="hnsw", choices=["hnsw", "traverse_add"])
    options.add_argument("--only", type=int, help="rows: measure one size, of vectors in --folder")
    options.add_argument("--folder", type=Path)
    arguments = options.parse_args()
    if arguments.only:
        found = measure(arguments.folder, arguments.only, arguments.memory_mib, arguments.method)
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as folder:
        vectors, labels = vectors_of()
        np.save(Path(folder) / "vectors.npy", vectors)
        np.save(Path(folder) / "labels.npy", labels)
        del vectors
        runs = []
        for rows in SIZES:
            command = [sys.executable, __file__, "--only", str(rows), "--folder", folder]
            command += ["--memory-mib", str(arguments.memory_mib), "--method", arguments.method]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs.append(json.loads(output.splitlines()[-1]))
    print(f"{arguments.method}, K = {NEIGHBOURS}, memory_mib = {arguments.memory_mib}\n")
    print("| rows | graph s | mine s | recall | triplets | peak MiB |", "| ---: " * 6 + "|", sep="\n")
    for run in runs:
        print(
            f"| {run['rows']:,} | {run['graph']:.1f} | {run['mine']:.1f} | {run['recall']:.4f} "
            f"| {run['triplets']:,} | {run['peak_mib']:.0f} |"
        )
    seconds = np.log([run["graph"] + run["mine"] for run in runs])
    exponent = np.polyfit(np.log([run["rows"] for run in runs]), seconds, 1)[0]
    print(f"\ntime grows with the power {exponent:.2f} of the rows (wanted: at most 1.25)")


if __name__ == "__main__":
    main()
