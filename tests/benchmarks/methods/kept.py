"""Runs of a table: each is made once, and its test figures are kept."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tripletmine.flows.opened_run import opened_spec
from tripletmine.pipeline.artifacts.scores import validation_scores
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.runfile.load import parse_spec

from ..results_files import spread

Sections = Mapping[str, Mapping[str, Any]]
Figures = Mapping[str, Any]


def outcomes(cases: Mapping[str, Sections], folder: Path) -> dict[str, Figures]:
    """Figures of the test split by the name of the case, and as "validated" the score of the best epoch on validation.

    A case that is kept in the folder is not run again.
    """
    return {name: _outcome(name, sections, folder) for name, sections in cases.items()}


def _outcome(name: str, sections: Sections, folder: Path) -> Figures:
    kept = folder / f"{name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    shutil.rmtree(folder / name, ignore_errors=True)
    keys = {**sections, "run": {**sections.get("run", {}), "directory": name}}
    with opened_spec(parse_spec(keys, base=folder), Silent()) as opened:
        for epoch in opened.epochs:
            for stage in epoch.stages:
                opened.stage(stage, epoch)
            opened.end_epoch(epoch)
        found = dict(opened.test().manifest.report["test"])
        scores = validation_scores(opened.run.root, opened.run.spec)
        found["validated"] = max(score for _, score in scores)
    shutil.rmtree(folder / name)
    kept.write_text(json.dumps(found))
    print(f"{name} is done", flush=True)
    return found


def row(title: str, seeds: Sequence[Figures], keys: Sequence[str]) -> str:
    """One row of a table: mean and standard deviation of each figure over the seeds."""
    cells = [spread([found[key] for found in seeds], digits=3) for key in keys]
    return f"| {title} | {len(seeds)} | {' | '.join(cells)} |"


def head(title: str, columns: Sequence[str]) -> list[str]:
    """The head of such a table."""
    return [f"| {title} | seeds | {' | '.join(columns)} |", f"| --- |{' ---: |' * (len(columns) + 1)}"]
