"""Our contestants: the product itself on a run file, with a stopwatch at each stage."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from tripletmine.flows.opened_run import OpenedRun, opened_run
from tripletmine.pipeline.artifacts.weights import ENCODER_FILE
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import set_aside
from tripletmine.pipeline.run.epochs import EpochPlan
from tripletmine.pipeline.run.progress import Silent

from .data import EMBEDDING_DIM, Task
from .evaluation import kept
from .results import Epoch

NOT_TIMED = "evaluate"
"""The stage that measures validation. Its time counts for nobody, although ours also uses its figures to adapt k."""

Test = Callable[[Path], Mapping[str, float]]
"""Weights of an encoder, .safetensors → its metrics on the test split."""

Sections = Mapping[str, Mapping[str, Any]]


def run_file(
    task: Task,
    overrides: Sections,
    *,
    seed: int,
    epochs: int,
    warmup_epochs: int | None,
    learning_rate: float,
) -> str:
    """The run file of a contestant, TOML; `overrides` by section, over the product's defaults.

    warmup_epochs: None leaves the default.
    """
    sections: dict[str, dict[str, Any]] = {
        "run": {"name": "run", "directory": "run", "epochs": epochs, "seed": seed},
        "data": dict(task.data),
        "encoder": {"name": "convnet", "embedding_dim": EMBEDDING_DIM},
        "encoder.arguments": dict(task.encoder),
        "graph": {"neighbours": task.neighbours},
        "train": {
            "images_per_epoch": task.images_per_epoch,
            "classes_per_batch": task.classes_per_batch,
            "images_per_class": task.images_per_class,
            "learning_rate": learning_rate,
            "compute_threads": 1,
        },
        "evaluate": {"test": "never", "nmi": False},
    }
    if warmup_epochs is not None:
        sections["train"]["warmup_epochs"] = warmup_epochs
    for name, keys in overrides.items():
        sections[name] = {**sections.get(name, {}), **keys}
    lines = []
    for name, keys in sections.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def after(
    path: Path, before: Epoch | None, number: int, *, test: Test, tested: Sequence[int]
) -> Iterator[Epoch]:
    """Epoch `number` of the run of this run file, and all that follow; `before`: the one before it."""
    with opened_run(path, Silent()) as opened:
        for epoch in islice(opened.epochs, number, None):
            before = _run(opened, epoch, before)
            if epoch.number + 1 in tested:
                weights = StageRef(epoch.number, "train").folder(opened.run.root) / ENCODER_FILE
                before = replace(before, test=test(weights))
            opened.end_epoch(epoch)
            yield before


def _run(opened: OpenedRun, epoch: EpochPlan, before: Epoch | None) -> Epoch:
    # An interrupted epoch is done again from its first stage, or its times would lack a part.
    set_aside(opened.run.root, epoch.refs)
    images = before.images if before else 0
    seconds = before.seconds if before else 0.0
    cpu_seconds = before.cpu_seconds if before else 0.0
    reports: dict[str, Mapping[str, Any]] = {}
    spent: dict[str, float] = {}
    for stage in epoch.stages:
        started, cpu_started = time.perf_counter(), time.process_time()
        reports[stage.name] = opened.stage(stage, epoch).manifest.report
        spent[stage.name] = time.perf_counter() - started
        if stage.name != NOT_TIMED:
            seconds += spent[stage.name]
            cpu_seconds += time.process_time() - cpu_started
    notes: dict[str, Any] = {"stage_seconds": {name: round(value, 2) for name, value in spent.items()}}
    if "mine" in reports:
        notes |= {"k_hardness": reports["mine"]["k_hardness"], "coverage": reports["mine"]["coverage"]}
    notes["active_share"] = reports["train"]["active_share"]
    return Epoch(
        images=images + reports["train"]["images"],
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        validation=kept(reports["evaluate"]["validation"]),
        notes=notes,
    )
