"""Every method through the real pipeline, on class-balanced batches and on mined neighbourhood batches.

    python tests/benchmarks/bench_methods.py [--data glyphs fashion-mnist] [--glyphs runs/glyphs] [--seeds 3]

The same encoder, optimiser, learning rate, batch shape and number of images for all; each method with the defaults of
its section in the run file. What differs is in METHODS. Metrics are those of the test split (glyphs: of classes that
were never seen), for the epoch that is best on validation. images/s: of one core, in all stages but evaluation, so
embedding, searching and mining count.

A case that is done is kept in --out and not done again; --seconds ends after about as long, to be continued by the same
command. At the end the table is printed and written, with all single results, to tests/benchmarks/results/methods.json.
"""

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tripletmine.flows.opened_run import OpenedRun, opened_spec
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.progress import Silent
from tripletmine.pipeline.spec.load import parse_spec

RESULTS = Path(__file__).parent / "results" / "methods.json"
PACKAGES = ("torch", "numpy", "scikit-learn", "pytorch-metric-learning", "tripletmine")
GLYPH_CLASSES = {"train": 300, "validation": 60, "test": 300}
FASHION_ROWS = {"train": 6000, "test": 2000}

METHODS: Mapping[str, Mapping[str, Any]] = {
    "triplet": {"weights": {"triplet": 1}},
    "triplet + global": {"weights": {"triplet": 1, "global": 1}},
    "batch-hard": {"weights": {"batch_hard": 1}},
    "batch-all": {"weights": {"batch_all": 1}},
    "quadruplet": {"weights": {"quadruplet": 1}},
    "centroid triplet": {
        "weights": {"centroid": 1, "batch_hard": 1, "classification": 1, "centre": 5e-4},
        "batch_hard": {"margin": 0.5},
    },
    "HIST": {"weights": {"hist": 1}},
    "triplet + MDR": {"weights": {"triplet": 1, "mdr": 0.1}},
    "Proxy-Anchor (library)": {
        "weights": {"library": 1},
        "library": {"factory": "pytorch_metric_learning.losses:ProxyAnchorLoss", "rate": 0.1},
    },
}
"""Name → the run file's [loss]."""

BATCHES = ("class-balanced", "neighbourhood")


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    data: str
    method: str
    batches: str
    seed: int

    @property
    def file(self) -> str:
        """A name for it that any file system takes."""
        words = "".join(letter if letter.isalnum() else "-" for letter in self.method)
        return f"{self.data}-{words}-{self.batches}-{self.seed}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """recall_at_1, map_at_r: of the test split. images_per_second: see above. digest: of data set, rows and splits."""

    case: Case
    recall_at_1: float
    map_at_r: float
    images_per_second: float
    digest: str


def glyphs(glyphs_folder: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """300 kanji in 16 fonts for training and as many others for the test: many classes with few rows each."""
    if not (glyphs_folder / "rows.parquet").exists():
        script = Path(__file__).with_name("glyphs.py")
        subprocess.run([sys.executable, str(script), "--out", str(glyphs_folder)], check=True)
    rows = pq.read_table(glyphs_folder / "rows.parquet")
    labels, splits = rows["label"].to_numpy(), rows["split"].to_numpy()
    kept = np.zeros(len(rows), bool)
    for split, count in GLYPH_CLASSES.items():
        kept |= (splits == split) & np.isin(labels, np.unique(labels[splits == split])[:count])
    return {
        "data": _arrays(folder / "glyphs", np.load(glyphs_folder / "images.npy")[kept], rows.filter(kept)),
        "encoder": {"embedding_dim": 64, "arguments": {"width": 16, "blocks": 4}},
        "graph": {"neighbours": 64},
        "train": {"classes_per_batch": 24, "images_per_class": 8, "images_per_epoch": 5000},
    }


def fashion_mnist(_glyphs: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """A tenth of Fashion-MNIST: ten classes, the same ones in training and test."""
    data = open_data(parse_spec({"data": {"kind": "fashion-mnist"}}, base=folder).data, folder)
    splits = np.array(data.rows.splits)
    kept = np.concatenate([np.flatnonzero(splits == split)[:count] for split, count in FASHION_ROWS.items()])
    rows = pa.table({"label": data.rows.labels.take(kept), "split": splits[kept]})
    return {
        "data": {**_arrays(folder / "fashion-mnist", data.read(kept), rows), "split": "closed"},
        "encoder": {"embedding_dim": 64, "arguments": {"width": 16}},
        "train": {"classes_per_batch": 10, "images_per_class": 16, "images_per_epoch": 5000},
    }


def _arrays(folder: Path, images: NDArray[np.uint8], rows: pa.Table) -> dict[str, Any]:
    """[data] of a part of a data set, written as files of its own."""
    if not (folder / "rows.parquet").exists():
        folder.mkdir(parents=True)
        np.save(folder / "images.npy", images)
        pq.write_table(rows, folder / "rows.parquet")
    paths = {"path": str(folder / "images.npy"), "labels": str(folder / "rows.parquet")}
    return {"kind": "arrays", "split": "zero-shot", "hash_content": True, **paths}


DATA = {"glyphs": glyphs, "fashion-mnist": fashion_mnist}
EPOCHS = 4


def run(case: Case, folder: Path, glyphs_folder: Path) -> Outcome:
    """Run a case and measure it; one that was broken off is begun again, or its times would lack a part."""
    shutil.rmtree(folder / case.file, ignore_errors=True)
    sections = DATA[case.data](glyphs_folder, folder)
    # Class-balanced batches are those of the warm-up: nothing is embedded, searched or mined.
    mined = case.batches == "neighbourhood"
    train = {**sections["train"], "warmup_epochs": 1 if mined else EPOCHS, "compute_threads": 1}
    sections |= {
        "run": {"name": "run", "directory": case.file, "epochs": EPOCHS, "seed": case.seed},
        "train": train,
        "loss": dict(METHODS[case.method]),
        "evaluate": {"nmi": False, "train_gallery": False},
    }
    with opened_spec(parse_spec(sections, base=folder), Silent()) as opened:
        images, seconds = _trained(opened)
        found = opened.test().manifest.report["test"]
        digest = opened.run.facts.data_digest
    shutil.rmtree(folder / case.file)
    return Outcome(
        case=case,
        recall_at_1=found["recall@1"],
        map_at_r=found["map_at_r"],
        images_per_second=images / seconds,
        digest=digest,
    )


def _trained(opened: OpenedRun) -> tuple[int, float]:
    """All epochs: images seen, and CPU seconds of what is not evaluation."""
    images, seconds = 0, 0.0
    for epoch in opened.epochs:
        for stage in epoch.stages:
            started = time.process_time()
            result = opened.stage(stage, epoch)
            if stage.name != "evaluate":
                seconds += time.process_time() - started
            images += result.manifest.report["images"] if stage.name == "train" else 0
        opened.end_epoch(epoch)
    return images, seconds


def outcomes(cases: Sequence[Case], folder: Path, glyphs_folder: Path, seconds: float) -> dict[Case, Outcome]:
    """Those that are kept in the folder, and as many new ones as are begun within the time."""
    found: dict[Case, Outcome] = {}
    started = time.perf_counter()
    for case in cases:
        kept = folder / f"{case.file}.json"
        if kept.exists():
            value = json.loads(kept.read_text())
            found[case] = Outcome(**{**value, "case": case})
        elif time.perf_counter() - started < seconds:
            found[case] = run(case, folder, glyphs_folder)
            kept.write_text(json.dumps(asdict(found[case])))
            print(f"{case.file}: MAP@R {found[case].map_at_r:.4f}", file=sys.stderr)
    return found


def table(data: str, found: Sequence[Outcome]) -> str:
    """Markdown: one row a method, the two kinds of batches side by side; means and standard deviations over seeds."""
    columns = [f"{what}, {batches}" for batches in BATCHES for what in ("R@1", "MAP@R", "images/s")]
    lines = [f"| {data} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    for method in METHODS:
        cells = []
        for batches in BATCHES:
            runs = [each for each in found if (each.case.method, each.case.batches) == (method, batches)]
            cells += [_spread([each.recall_at_1 for each in runs]), _spread([each.map_at_r for each in runs])]
            cells.append(f"{statistics.median(each.images_per_second for each in runs):,.0f}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{deviation}"


def main() -> None:
    """Run what is missing; when all is there, print the tables and write the results."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    options.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path, default=Path("runs/methods"))
    options.add_argument("--glyphs", type=Path, default=Path("runs/glyphs"), help="what glyphs.py wrote")
    options.add_argument("--seconds", type=float, default=float("inf"))
    arguments = options.parse_args()
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    parts = product(arguments.data, range(arguments.seeds), arguments.methods, BATCHES)
    cases = [Case(data, method, batches, seed) for data, seed, method, batches in parts]
    found = outcomes(cases, folder, arguments.glyphs, arguments.seconds)
    if len(found) < len(cases) or set(arguments.methods) != set(METHODS):
        print(f"{len(found)} of {len(cases)} cases are done: the same command goes on")
        return
    for data in arguments.data:
        print(table(data, [each for each in found.values() if each.case.data == data]))
    RESULTS.parent.mkdir(exist_ok=True)
    written = {
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "epochs": EPOCHS,
        "losses": METHODS,
        "outcomes": [asdict(each) for each in found.values()],
    }
    RESULTS.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
