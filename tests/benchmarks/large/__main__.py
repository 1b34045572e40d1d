"""Ten million vectors mined on one machine, and the memory that each stage of a run takes per row.

    python -m tests.benchmarks.large [--rows 10000000] [--width 64] [--classes 200000] [--neighbours 100]
        [--recall-target 0.95] [--threads 2] [--workers 2] [--stages 100000 1000000] [--folder runs/large]

First, `tripletmine mine` in a process of its own: search, triplets and audit; with the local dimension of the vectors
beside that of Fashion-MNIST (64 principal components, see ``bench_scale``). Second, a run on the same vectors, with
--workers Dask workers on this machine (see ``on_workers``). Third, runs on vectors of the sizes in --stages, each in a
process of its own, whose peak is reset before every stage: bytes per row are the slope between the first and the last
size.
--rows 0 leaves out the first two, --workers 0 the second, --stages without a number the third.
"""

import argparse
import json
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ..bench_scale import vectors_of
from .on_workers import run_on_workers
from .stages import peaks_of
from .vectors import local_dimensions, write_vectors

_MEASURE = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[2:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss], file)
"""
"""Run in a small process in between, since Linux counts the memory of the process that starts a child into its peak."""


def mined(options: argparse.Namespace) -> str:
    """Markdown: time, memory and recall."""
    folder = options.folder / f"{options.rows}-{options.width}"
    write_vectors(folder, options.rows, options.width, options.classes)
    dimensions = local_dimensions(np.load(folder / "vectors.npy", mmap_mode="r"))
    real = local_dimensions(vectors_of()[0])
    out = folder / "mined"
    shutil.rmtree(out, ignore_errors=True)
    subprocess.run(
        [
            *(sys.executable, "-c", _MEASURE, folder / "used.json"),
            *(sys.executable, "-m", "tripletmine", "mine", "--out", out),
            *("--embeddings", folder / "vectors.npy", "--labels", folder / "labels.npy"),
            *("--neighbours", str(options.neighbours), "--recall-target", str(options.recall_target)),
            *("--threads", str(options.threads)),
        ],
        check=True,
    )
    seconds, cpu_seconds, peak_kib = json.loads((folder / "used.json").read_text())
    about = json.loads((out / "mining.json").read_text())
    graph, triplets = about["graph"], about["counts"]["triplets"]
    bytes_left = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return "\n".join(
        [
            f"{options.rows:,} × {options.width}, {options.classes:,} classes, K = {options.neighbours}, "
            f"{options.threads} threads",
            f"local dimension (10th, 50th, 90th percentile): {_three(dimensions)}; of Fashion-MNIST: {_three(real)}",
            f"{graph['method']}, recall {graph['recall']:.4f}, {triplets:,} triplets",
            f"{seconds / 60:.1f} minutes, {cpu_seconds / 60:.1f} CPU minutes, peak {peak_kib / 2**10:,.0f} MiB, "
            f"{bytes_left / 2**30:.1f} GiB of results",
        ]
    )


def run(options: argparse.Namespace) -> str:
    """Markdown: a run on workers, by stage."""
    folder = options.folder / f"{options.rows}-{options.width}"
    ran = run_on_workers(
        folder,
        width=options.width,
        neighbours=options.neighbours,
        recall_target=options.recall_target,
        workers=options.workers,
    )
    stages = ", ".join(f"{stage} {seconds / 60:.1f}" for stage, seconds in ran.seconds.items())
    return (
        f"a run on {options.workers} Dask workers: {sum(ran.seconds.values()) / 60:.1f} minutes ({stages}); "
        f"{ran.method}, recall {ran.recall:.4f}, {ran.triplets:,} triplets; peak of the driver {ran.driver:,.0f} MiB, "
        f"of a worker {ran.worker:,.0f} MiB, with the file pages that are mapped"
    )


def _three(values: np.ndarray) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def by_stage(options: argparse.Namespace) -> str:
    """Markdown: peak MiB of each stage and size, and bytes per row."""
    peaks: dict[str, list[float]] = {}
    for rows in options.stages:
        folder = options.folder / f"{rows}-{options.width}"
        write_vectors(folder, rows, options.width, rows // 50)
        shutil.rmtree(folder / "runs", ignore_errors=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            for stage, peak in alone.submit(peaks_of, folder, options.width, options.neighbours).result():
                peaks.setdefault(stage, []).append(peak)
    few, many = options.stages[0], options.stages[-1]
    sizes = " | ".join(f"{rows:,} rows" for rows in options.stages)
    lines = [
        f"| stage, {options.width} wide, K = {options.neighbours} | {sizes} | bytes a row |",
        f"| --- |{' ---: |' * (len(options.stages) + 1)}",
    ]
    for stage, found in peaks.items():
        slope = (found[-1] - found[0]) * 2**20 / (many - few)
        lines.append(f"| {stage} | {' | '.join(f'{peak:,.0f} MiB' for peak in found)} | {slope:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is asked for, and print the figures."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--classes", type=int, default=200_000)
    options.add_argument("--width", type=int, default=64)
    options.add_argument("--neighbours", type=int, default=100)
    options.add_argument("--recall-target", type=float, default=0.95)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--stages", type=int, nargs="*", default=[100_000, 1_000_000], help="rows")
    options.add_argument("--folder", type=Path, default=Path("runs/large"))
    asked = options.parse_args()
    asked.folder = asked.folder.resolve()
    if asked.rows:
        print(mined(asked), flush=True)
        if asked.workers:
            print(run(asked), flush=True)
    if asked.stages:
        print(by_stage(asked))


if __name__ == "__main__":
    main()
