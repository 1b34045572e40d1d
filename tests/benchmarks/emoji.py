"""Real pictures with transparency, cameras and queries: each emoji as four vendors draw it.

    npm install --prefix runs/emoji emoji-datasource-{apple,google,twitter,facebook}@16.0.0
    python -m tests.benchmarks.emoji --folder runs/emoji                      # about three minutes
    python -m tests.benchmarks.emoji --folder runs/emoji --alpha dropped      # the colours under the transparency

A class is an emoji with its skin variants, its group is the vendor. Classes are split by a hash. In the test, one
vendor's picture of each emoji is the query and all else is the gallery; the vendor's own variants are left out, as
re-identification leaves out the query's camera. The run is made by the command line; its metrics.json is compared with
plain rankings of the exported encoder's embeddings. Needs npm, and runs on a CPU.

With seed 0, on the 3,920 test pictures of 475 emoji (475 queries, 3,445 pictures in the gallery):

| alpha | R@1 | MAP@R | query to gallery: mAP | CMC@1 | CMC@5 | CMC@10 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| white | 0.726 | 0.350 | 0.390 | 0.480 | 0.636 | 0.707 |
| dropped | 0.610 | 0.241 | 0.308 | 0.349 | 0.535 | 0.629 |
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from tripletmine import Encoder

sys.path.insert(0, str(Path(__file__).parents[1]))
from ranking_oracles import slow_figures, slow_rankings

VENDORS = ("apple", "facebook", "google", "twitter")
COLUMNS = ("path", "label", "split", "role", "group")
RUN_FILE = """
[run]
name = "NAME"
epochs = 6

[data]
kind = "table"
path = "NAME.csv"
image_size = 32
split = "zero-shot"
augment = { shift = 3 }

[encoder]
embedding_dim = 64

[graph]
neighbours = 40

[train]
learning_rate = 4e-3
classes_per_batch = 48
images_per_class = 4
"""


def pictures(packages: Path) -> Iterator[tuple[str, str, str, str]]:
    """Class, vendor, package and file name of every picture whose emoji all vendors have."""
    names = json.loads((packages / "emoji-datasource-apple" / "emoji.json").read_text("utf-8"))
    for emoji in names:
        if not all(emoji[f"has_img_{vendor}"] for vendor in VENDORS):
            continue
        files = [emoji["image"], *(each["image"] for each in emoji.get("skin_variations", {}).values())]
        for vendor in VENDORS:
            folder = f"emoji-datasource-{vendor}/img/{vendor}/64"
            for name in files:
                if (packages / folder / name).exists():
                    yield emoji["unified"], vendor, folder, name


def without_alpha(path: Path) -> Image.Image:
    """The colours under the transparency, as if it were not there."""
    with Image.open(path) as image:
        return Image.fromarray(np.ascontiguousarray(np.asarray(image.convert("RGBA"))[..., :3]))


def drawn(text: str, of: int) -> int:
    """A number below `of` that follows from the text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % of


def write_table(folder: Path, name: str, *, dropped: bool) -> list[dict[str, str]]:
    """Write NAME.csv to the folder, and return its rows. dropped: list copies without transparency."""
    rows, asked = [], set()
    for vendor in VENDORS if dropped else ():
        (folder / "dropped" / vendor).mkdir(parents=True, exist_ok=True)
    for label, vendor, source, file in pictures(folder / "node_modules"):
        path = Path("node_modules", source, file)
        if dropped:
            path = Path("dropped", vendor, file)
            if not (folder / path).exists():
                without_alpha(folder / "node_modules" / source / file).save(folder / path)
        split = ("test", "test", "val", *["train"] * 5)[drawn(label, 8)]
        role = ""
        if split == "test":
            is_query = label not in asked and vendor == VENDORS[drawn(f"{label} query", len(VENDORS))]
            asked |= {label} if is_query else set()
            role = "query" if is_query else "gallery"
        group = "" if split == "train" else vendor
        rows.append({"path": str(path), "label": label, "split": split, "role": role, "group": group})
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return rows


def tripletmine(*arguments: str) -> None:
    """Run the command line of this environment."""
    command = [str(Path(sys.executable).with_name("tripletmine")), *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


def figures_of(folder: Path, rows: list[dict[str, str]], encoder: Encoder) -> dict[str, tuple[dict, int]]:
    """For each protocol, figures of the test split by plain rankings, and the number of queries they are means of."""
    rows = [row for row in rows if row["split"] == "test"]
    vectors = encoder.encode([folder / row["path"] for row in rows])
    sets = [{row["label"]} for row in rows]
    groups = np.array([VENDORS.index(row["group"]) for row in rows])
    roles = np.array([row["role"] for row in rows])

    every, free = np.arange(len(rows)), np.full(len(rows), -1)
    asked = {
        "test": (every, every, free, True),
        "test_query_to_gallery": (
            np.flatnonzero(roles == "query"),
            np.flatnonzero(roles == "gallery"),
            groups,
            False,
        ),
    }
    found = {}
    for name, (queries, gallery, of, alone) in asked.items():
        rankings = slow_rankings(
            vectors[queries], [sets[row] for row in queries], of[queries],
            vectors[gallery], [sets[row] for row in gallery], of[gallery], alone,
        )  # fmt: skip
        found[name] = slow_figures(rankings)
    return found


def main() -> None:
    """Make the run unless it is there, and print its figures beside those of the rankings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--alpha", choices=("white", "dropped"), default="white")
    options = parser.parse_args()
    folder, name = options.folder, f"emoji-{options.alpha}"
    rows = write_table(folder, name, dropped=options.alpha == "dropped")
    for split in ("train", "val", "test"):
        labels = [row["label"] for row in rows if row["split"] == split]
        print(f"{split}: {len(labels):,} pictures of {len(set(labels)):,} emoji")
    (folder / f"{name}.toml").write_text(RUN_FILE.replace("NAME", name), encoding="utf-8")
    tripletmine("run", str(folder / f"{name}.toml"), "--no-prefect")
    root, exported = folder / "runs" / name, folder / f"{name}-encoder"
    if not exported.exists():
        tripletmine("export", str(root), "--out", str(exported))
    reported = json.loads((root / "test" / "metrics.json").read_bytes())
    moved = 0.0
    for protocol, (figures, asked) in figures_of(folder, rows, Encoder.load(exported)).items():
        found = reported[protocol]
        print(f"{protocol}: {found}")
        if asked != found["queries"]:
            sys.exit(f"{protocol} has {found['queries']} queries but {asked} have a match")
        for key in found.keys() & figures.keys():
            moved = max(moved, abs(found[key] - figures[key]) * asked)
    print(f"no figure differs from that of the plain ranking by more than {moved:.1e} queries")
    # Rounding decides between two rows whose distances differ by 1e-6: that may move the first answer of one query.
    if moved > 1.01:
        sys.exit("metrics.json is wrong")


if __name__ == "__main__":
    main()
