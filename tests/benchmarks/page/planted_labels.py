"""How many planted wrong labels are among the first suspects of the page.

    python -m tests.benchmarks.page.planted_labels [--glyphs runs/glyphs] [--out runs/suspects] [--seed 0]

2 % of the training labels of the glyphs (608 of 30,397) are exchanged for those of other characters, drawn by the seed;
then an encoder is trained on them, and suspects are found in the neighbour table of an epoch. Resumable; needs the
fonts that tests/benchmarks/glyphs.py names.

Seed 0, of the first 200 and 1,000 suspects that the page lists:

| epoch | of the first 200 | of the first 1,000 | of all that were planted |
| --- | ---: | ---: | ---: |
| 1, after one epoch of warm-up | 185 | 535 | 0.882 |
| 2 | 191 | 563 | 0.928 |
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tripletmine.pipeline.report.sections.suspects import find_suspects
from tripletmine.pipeline.standalone.triplet_folder import open_triplets

SHARE = 0.02
LISTED = (200, 1000)
RUN_FILE = """
[run]
name = "NAME"
epochs = 4

[data]
kind = "arrays"
path = "IMAGES"
labels = "NAME.parquet"
split = "zero-shot"

[graph]
neighbours = 100
"""


def plant(table: pa.Table, seed: int) -> tuple[pa.Table, NDArray[np.str_]]:
    """The table with a share of its training labels exchanged for others of the split, and the keys of these rows."""
    labels = np.array(table["label"].to_pylist(), object)
    train = np.flatnonzero(np.array(table["split"].to_pylist()) == "train")
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(train, round(SHARE * len(train)), replace=False))
    names = np.unique(labels[train].astype(str))
    for row in rows:
        others = names[names != labels[row]]
        labels[row] = others[random.integers(len(others))]
    place = table.column_names.index("label")
    planted = table.set_column(place, "label", pa.array(labels.tolist(), pa.string()))
    return planted, np.array(table["key"].to_pylist())[rows]


def main() -> None:
    """Plant, run, and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--glyphs", type=Path, default=Path("runs/glyphs"))
    parser.add_argument("--out", type=Path, default=Path("runs/suspects"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epoch", type=int, help="whose table; by default the best on validation")
    options = parser.parse_args()
    name = f"swapped-{options.seed}"
    options.out.mkdir(parents=True, exist_ok=True)
    table, keys = plant(pq.read_table(options.glyphs / "rows.parquet"), options.seed)
    pq.write_table(table, options.out / f"{name}.parquet")
    text = RUN_FILE.replace("NAME", name).replace("IMAGES", str((options.glyphs / "images.npy").resolve()))
    run_file = options.out / f"{name}.toml"
    run_file.write_text(text, encoding="utf-8")
    command = [str(Path(sys.executable).with_name("tripletmine")), "run", str(run_file), "--no-prefect"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    count(options.out / "runs" / name, options.epoch, set(keys.tolist()))


def count(root: Path, epoch: int | None, planted: set[str]) -> None:
    """Print how many of the first suspects name a planted row."""
    triplets = open_triplets(root, epoch, needs=("mine", "graph"))
    found = find_suspects(triplets, limit=max(LISTED))
    named = [{triplets.keys[row].as_py() for row in (each.row, each.other)} for each in found.listed]
    print(f"{len(planted):,} planted; {triplets.chosen}; listed: {dict(found.found)}")
    for first in LISTED:
        hits = sum(bool(each & planted) for each in named[:first])
        there = planted & set().union(*named[:first])
        print(
            f"first {first:,}: {hits} name a planted row; {len(there) / len(planted):.3f} of all planted are there"
        )


if __name__ == "__main__":
    main()
