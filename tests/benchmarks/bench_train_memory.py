"""Peak memory of what training holds besides the encoder, for 10⁵ to 10⁷ mined triplets.

    python -m tests.benchmarks.bench_train_memory [--triplets 100000 1000000 10000000] [--batches triplets]

Each number is measured in a process of its own, which opens a mine stage with that many synthetic triplets, in parts of
equal size, and goes through the batches of an epoch that shows every triplet, without reading images. The figure is the
peak beyond what the open run already holds (Linux only): tables of the rows (1.25 million in all cases) and one part.

--part-triplets: triplets in a part; the stage writes mine.chunk_rows × mine.triplets_per_anchor at most into one,
524,288 by default. The smallest number of triplets must fill a part, or the numbers cannot be compared.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from tripletmine.pipeline.artifacts.triplets import CONFUSION, part_name
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage import Job
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.manifest import Manifest, read_manifest, write_manifest
from tripletmine.pipeline.storage.receipts import Receipt, stamp_files
from tripletmine.pipeline.storage.tables import write_table
from tripletmine.pipeline.training.batches import training_inputs
from tripletmine.pipeline.workers.opened import labels_of

ROWS = 1_250_000
CLASSES = 5_000


def main() -> None:
    """Print a row of the table for each number of triplets."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--triplets", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    options.add_argument("--batches", default="triplets", choices=["triplets", "neighbourhood"])
    options.add_argument("--part-triplets", type=int, default=100_000)
    options.add_argument("--child", type=Path)
    arguments = options.parse_args()
    if arguments.child:
        measure(arguments.child, arguments.batches, arguments.triplets[0])
        return
    print(
        "| triplets | parts | as int64 columns | batches | before | peak |\n| ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "vectors.npy", np.zeros((ROWS, 2), np.float32))
        np.save(Path(folder) / "labels.npy", (np.arange(ROWS) % CLASSES).astype(np.int64))
        with open_run(spec_in(Path(folder), arguments.batches, 0)) as run:
            mine, rows = StageRef(0, "mine").folder(run.root), run.facts.train
        for triplets in arguments.triplets:
            parts = write_mined(mine, triplets, rows, arguments.part_triplets)
            child = [sys.executable, __file__, "--child", folder, "--batches", arguments.batches]
            child += ["--triplets", str(triplets)]
            said = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout
            batches, before, peak = map(int, said.split())
            columns = f"{triplets * 24 / 2**20:.0f} MiB"
            memory = f"{before / 2**10:.0f} MiB | + {(peak - before) / 2**10:.0f} MiB"
            print(f"| {triplets:,} | {parts} | {columns} | {batches:,} | {memory} |", flush=True)


def spec_in(folder: Path, batches: str, triplets: int) -> RunSpec:
    """A run on vectors that mines from the first epoch on, with epochs long enough to show this many triplets."""
    keys = {
        "data": {"kind": "arrays", "path": "vectors.npy", "labels": "labels.npy"},
        "encoder": {"name": "mlp", "embedding_dim": 8},
        "run": {"epochs": 1},
        "train": {"warmup_epochs": 0, "batches": batches, "images_per_epoch": max(ROWS, 3 * triplets)},
    }
    return parse_spec(keys, base=folder)


def write_mined(folder: Path, triplets: int, rows: int, part_triplets: int) -> int:
    """Write a committed mine stage, and return the number of its parts."""
    generator = np.random.default_rng(0)
    names: list[str] = []
    (folder / part_name(0)).parent.mkdir(parents=True, exist_ok=True)
    for first in range(0, triplets, part_triplets):
        count = min(part_triplets, triplets - first)
        anchors = np.sort(generator.integers(0, rows, count))
        columns = {
            "anchor": anchors,
            "positive": (anchors + CLASSES) % rows,
            "negative": generator.integers(0, rows, count),
        }
        names.append(part_name(len(names)))
        write_table(folder / names[-1], pa.table(columns))
    pairs = generator.integers(0, CLASSES, (2, 100_000), dtype=np.int32)
    confusion = {"class_a": pairs[0], "class_b": pairs[1], "count": np.ones(100_000, np.int64)}
    write_table(folder / CONFUSION, pa.table(confusion))
    receipt = Receipt("rows-00000", rows, stamp_files(folder, [*names, CONFUSION]))
    report = {"counts": {"triplets": triplets}, "k_hardness": 1.0}
    write_manifest(folder, Manifest("mine", 0, {}, (receipt,), report))
    return len(names)


def measure(folder: Path, batches: str, triplets: int) -> None:
    """Go through the epoch's batches, and print their number, and memory before and at its peak, in KiB."""
    spec = spec_in(folder, batches, triplets)
    with open_run(spec) as run:
        ref = StageRef(0, "mine")
        manifest = read_manifest(ref.folder(run.root))
        assert manifest is not None
        job = Job(run.root, spec, run.facts, StageRef(0, "train"), {ref: manifest.digest})
        labels_of(run.root, run.facts.data_digest)
        before = memory_kib("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        count = sum(1 for _ in training_inputs(job).batches.batches())
    print(count, before, memory_kib("VmHWM"))


def memory_kib(name: str) -> int:
    """VmRSS: resident now; VmHWM: its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
