"""Every method through the real pipeline, on class-balanced batches and on mined neighbourhood batches.

    python -m tests.benchmarks.methods [--data glyphs fashion-mnist] [--glyphs runs/glyphs] [--seeds 3]
    python -m tests.benchmarks.methods --table methods-looked-into --data glyphs --seeds 1

The same encoder, optimiser, learning rate, batch shape and number of images for all; each method with the defaults of
its section in the run file. What differs is in cases.py. Metrics are those of the test split (glyphs: of
classes that were never seen), for the epoch that is best on validation. images/s: of one core, in all stages except
evaluation, so embedding, searching and mining count.

The second command asks what holds the weaker methods back.

Finished cases are kept in --out and not repeated. After --seconds no further case begins; the same command continues.
The tables of what is finished are printed, and published in results/.
"""

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import torch
from tripletmine.flows.opened_run import OpenedRun, opened_spec
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.runfile.load import parse_spec

from ..results_files import publish, spread
from .cases import BATCHES, DATA, EPOCHS, TABLES, Case


@dataclass(frozen=True, slots=True)
class Outcome:
    """recall_at_1, map_at_r: of the test split. images: seen in training. images_per_second: see above.

    digest: of data set, rows and splits.
    """

    case: Case
    recall_at_1: float
    map_at_r: float
    images: int
    images_per_second: float
    digest: str


def run(case: Case, folder: Path, glyphs_folder: Path) -> Outcome:
    """Run a case and measure it; an interrupted one starts over, or its times would lack a part."""
    shutil.rmtree(folder / case.file, ignore_errors=True)
    with opened_spec(parse_spec(case.sections(folder, glyphs_folder), base=folder), Silent()) as opened:
        images, seconds = _trained(opened)
        found = opened.test().manifest.report["test"]
        digest = opened.run.facts.data_digest
    shutil.rmtree(folder / case.file)
    return Outcome(case, found["recall@1"], found["map_at_r"], images, images / seconds, digest)


def _trained(opened: OpenedRun) -> tuple[int, float]:
    """Run all epochs, and return the images seen and the CPU seconds without evaluation."""
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


def outcomes(cases: Sequence[Case], folder: Path, glyphs_folder: Path, seconds: float) -> list[Outcome]:
    """The outcomes that are kept in the folder, and new ones of cases that begin within the time."""
    found: list[Outcome] = []
    started = time.monotonic()
    for number, case in enumerate(cases, start=1):
        kept = folder / f"{case.file}.json"
        if kept.exists():
            value = json.loads(kept.read_text())
            found.append(Outcome(**{**value, "case": Case(**value["case"])}))
        elif time.monotonic() - started < seconds:
            found.append(run(case, folder, glyphs_folder))
            kept.write_text(json.dumps(asdict(found[-1])))
            print(f"{number} of {len(cases)}, {case.file}: MAP@R {found[-1].map_at_r:.4f}", flush=True)
    return found


def table(data: str, methods: Sequence[str], found: Sequence[Outcome]) -> str:
    """Markdown: one row per method, the two kinds of batches side by side; means and standard deviations over the seeds
    that are finished with both."""
    columns = ["seeds"] + [
        f"{name}, {batches}" for batches in BATCHES for name in ("R@1", "MAP@R", "images/s")
    ]
    lines = [f"| {data} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    by_case = {each.case: each for each in found}
    every_seed = sorted({case.seed for case in by_case})
    for method in methods:
        seeds = [seed for seed in every_seed if all(Case(data, method, b, seed) in by_case for b in BATCHES)]
        if not seeds:
            continue
        cells = [str(len(seeds))]
        for batches in BATCHES:
            runs = [by_case[Case(data, method, batches, seed)] for seed in seeds]
            cells += [spread([getattr(each, name) for each in runs], digits=3) for name in _SCORES]
            cells.append(f"{statistics.median(each.images_per_second for each in runs):,.0f}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


_SCORES = ("recall_at_1", "map_at_r")


def facts(methods: Mapping[str, object], found: Sequence[Outcome]) -> Mapping[str, object]:
    """What the outcomes depend on."""
    return {
        "epochs": EPOCHS,
        "images by data": {
            data: sorted({each.images for each in found if each.case.data == data}) for data in DATA
        },
        "data digest by data and seed": {
            f"{each.case.data}, {each.case.seed}": each.digest for each in found
        },
        "methods": methods,
    }


def main() -> None:
    """Run what is missing; print and publish the tables of what is finished."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    options.add_argument("--table", choices=TABLES, default="methods")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--out", type=Path, default=Path("runs/methods"), help="folder of what is kept")
    options.add_argument("--glyphs", type=Path, default=Path("runs/glyphs"), help="what glyphs.py wrote")
    options.add_argument("--seconds", type=float, default=float("inf"))
    arguments = options.parse_args()
    torch.set_num_threads(1)
    folder = arguments.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    methods = TABLES[arguments.table]
    parts = list(product(arguments.data, methods, BATCHES))
    cases = [
        Case(data, method, batches, seed)
        for seed in range(arguments.seeds)
        for data, method, batches in parts
    ]
    found = outcomes(cases, folder, arguments.glyphs, arguments.seconds)
    text = "\n".join(table(data, list(methods), found) for data in arguments.data)
    print(text)
    publish(arguments.table, text, facts(methods, found), [asdict(each) for each in found])
    if len(found) < len(cases):
        print(f"{len(found)} of {len(cases)} cases are done: the same command goes on")


if __name__ == "__main__":
    main()
