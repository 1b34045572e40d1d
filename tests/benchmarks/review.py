"""What a review of suspects is worth: wrong labels are planted, suspects decided, and the run continues with these.

    python -m tests.benchmarks.review [--glyphs runs/glyphs] [--out runs/reviewed] [--seeds 0 1 2]

Some characters of the glyphs; 2 % of their training labels are exchanged (page/planted_labels.py). A run is trained on
them, and the first 1,000 suspects of its page are decided as by a reviewer who knows which labels are wrong: these are
corrected, pairs under one true label become never negatives, the rest is kept. The same run then continues from its
first mining with these decisions, and the test of both is compared: the same warm-up, the same epochs. Resumable.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tripletmine.pipeline.data.review.csv_file import write_review
from tripletmine.pipeline.data.review.decisions import Review, pair_of
from tripletmine.pipeline.report.sections.suspects import find_suspects
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.standalone.triplet_folder import open_triplets

from .page.planted_labels import plant

LISTED = 1000
FIRST = 200
CLASSES = {"train": 600, "validation": 80, "test": 200}
RUN_FILE = """
[run]
name = "NAME"
epochs = EPOCHS
seed = SEED
keep = { embeddings = "all", graph = "all", triplets = "all", checkpoints = "all" }

[data]
kind = "arrays"
path = "images.npy"
labels = "swapped-SEED.parquet"
split = "zero-shot"
REVIEW

[graph]
neighbours = 64

[evaluate]
nmi = false
"""


def main() -> None:
    """Plant, run, decide, continue, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--glyphs", type=Path, default=Path("runs/glyphs"))
    parser.add_argument("--out", type=Path, default=Path("runs/reviewed"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = some_characters(options.glyphs, options.out)
    gains = [compare(table, options.out, seed, options.epochs) for seed in options.seeds]
    print(f"gain of test MAP@R: {np.mean(gains):+.4f} on average of {len(gains)} seeds")


def some_characters(glyphs: Path, out: Path) -> pa.Table:
    """Write the images of the first characters of each split; returns their rows."""
    table = pq.read_table(glyphs / "rows.parquet")
    labels, splits = (np.array(table[name].to_pylist()) for name in ("label", "split"))
    kept = np.zeros(len(table), np.bool_)
    for split, count in CLASSES.items():
        kept |= np.isin(labels, np.unique(labels[splits == split])[:count]) & (splits == split)
    rows = np.flatnonzero(kept)
    np.save(out / "images.npy", np.load(glyphs / "images.npy", mmap_mode="r")[rows])
    return table.take(pa.array(rows))


def compare(table: pa.Table, out: Path, seed: int, epochs: int) -> float:
    """One seed: print what was found and what it changed; returns by how much the test's MAP@R rose."""
    wrong, keys = plant(table, seed)
    pq.write_table(wrong, out / f"swapped-{seed}.parquet")
    before = run(out, f"as-labelled-{seed}", seed, epochs)
    truth = dict(zip(table["key"].to_pylist(), table["label"].to_pylist(), strict=True))
    review = decide(before, set(keys.tolist()), truth)
    write_review(out / f"review-{seed}.csv", review)
    after = out / "runs" / f"reviewed-{seed}"
    if not after.exists():
        shutil.copytree(before, after)
    run(out, after.name, seed, epochs, review=f"review-{seed}.csv")
    print(
        f"seed {seed}: triplets that hold a rejected pair: {rejected(before, review)} of the run as labelled, "
        f"{rejected(after, review)} of the reviewed one"
    )
    scores = [test_score(root) for root in (before, after)]
    print(f"seed {seed}: test MAP@R {scores[0]:.4f} as labelled, {scores[1]:.4f} reviewed", flush=True)
    return scores[1] - scores[0]


def run(out: Path, name: str, seed: int, epochs: int, *, review: str | None = None) -> Path:
    """Start or continue a run; one with a review continues from the first mining, unless it has done so before."""
    text = RUN_FILE.replace("NAME", name).replace("SEED", str(seed)).replace("EPOCHS", str(epochs))
    text = text.replace("REVIEW", "" if review is None else f'review = "{review}"')
    run_file = out / f"{name}.toml"
    run_file.write_text(text, encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("tripletmine")),
        "run",
        str(run_file.resolve()),
        "--no-prefect",
    ]
    root = out / "runs" / name
    if review is not None and not (root / "reviews").exists():
        command += ["--from-stage", "mine", "--epoch", "1"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return root


def decide(root: Path, planted: set[str], truth: Mapping[str, str]) -> Review:
    """Decide the first suspects as somebody who sees the pictures would, and print how many are planted."""
    source = open_triplets(root, needs=("mine", "graph"))
    found = find_suspects(source, limit=LISTED)
    named = [(source.keys[each.row].as_py(), source.keys[each.other].as_py()) for each in found.listed]
    first = sum(not planted.isdisjoint(keys) for keys in named[:FIRST])
    there = planted & {key for keys in named for key in keys}
    print(
        f"{root.name}: {len(planted)} planted among {len(source.labels)} rows; {source.chosen}; first {FIRST}: {first} "
        f"name a planted row; recall in the first {len(named)}: {len(there) / len(planted):.3f}"
    )
    rows = {
        key
        for each, keys in zip(found.listed, named, strict=True)
        for key in keys[: 1 + (each.kind != "mislabelled")]
    }
    pairs = {
        pair_of(*keys) for each, keys in zip(found.listed, named, strict=True) if each.kind != "mislabelled"
    }
    same = {pair for pair in pairs if truth[pair[0]] == truth[pair[1]]}
    return Review(
        relabelled={key: truth[key] for key in sorted(rows & planted)},
        kept=frozenset(rows - planted),
        never_negatives=frozenset(same),
        kept_pairs=frozenset(pairs - same),
    )


def rejected(root: Path, review: Review) -> int:
    """The number of triplets, over all epochs, that hold a pair or a label that the review rejects."""
    found = 0
    keys = np.array(pq.read_table(root / "rows.parquet", columns=["key"])["key"].to_pylist(), object)
    for part in sorted(root.glob("epochs/*/mine/triplets/*.parquet")):
        table = pq.read_table(part)
        anchors, negatives = (keys[table[name].to_numpy()] for name in ("anchor", "negative"))
        labels = [table[name].to_pylist() for name in ("anchor_label", "negative_label")]
        for anchor, negative, of_anchor, of_negative in zip(anchors, negatives, *labels, strict=True):
            found += (
                pair_of(anchor, negative) in review.never_negatives
                or review.relabelled.get(anchor, of_anchor) != of_anchor
                or review.relabelled.get(negative, of_negative) != of_negative
            )
    return found


def test_score(root: Path) -> float:
    """MAP@R of the test."""
    test = read_status(root).test
    if test is None:
        raise SystemExit(f"{root} was not tested")
    return float(test.report["test"]["map_at_r"])


if __name__ == "__main__":
    main()
