"""Choose the k of an epoch: by a fixed decay, or by the controller from the results of earlier epochs."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.hardness.candidates import evaluate_candidates
from ...mining.hardness.controller import Candidate, ControllerSettings, EpochRecord, choose_k, scheduled_k
from ...mining.rule import MiningRule
from ..artifacts.neighbours import rows_of_table, sampled_rows
from ..plan.refs import StageRef
from ..plan.stage import Job
from ..runfile.run_spec import RunSpec
from ..storage.committed import Committed
from ..workers.opened import reviewed_of


def hardness_parents(spec: RunSpec, ref: StageRef) -> tuple[StageRef, ...]:
    """Parents whose reports the choice reads: mining and validation of the earlier epochs."""
    if spec.mine.hardness == "linear" or ref.epoch is None:
        return ()
    warm_up = spec.train.warmup_epochs
    mined = [StageRef(epoch, "mine") for epoch in spec.mined_before(ref.epoch)]
    evaluated = [StageRef(epoch, "evaluate") for epoch in range(max(0, warm_up - 1), ref.epoch)]
    return (*mined, *evaluated)


def hardness_keys(spec: RunSpec) -> dict[str, Any]:
    """A result key if the controller leaves out suspects, which earlier versions did not."""
    without = spec.mine.hardness == "adaptive" and spec.mine.exclude_suspects is not None
    return {"candidates": "without suspects"} if without else {}


def choose_hardness(job: Job, candidates: Callable[[ControllerSettings], list[Candidate]]) -> dict[str, Any]:
    """The k of this epoch and every number that led to it, JSON-ready.

    candidates: returns what mining with each k would give; called only if the controller decides.
    """
    spec = job.spec.mine
    epoch = len(job.spec.mined_before(job.ref.epoch or 0))
    decay_epoch = min(epoch, spec.k_epochs - 1)
    if spec.hardness == "linear":
        k = scheduled_k(decay_epoch, spec.k_epochs, spec.k_start, spec.k_end)
        return {"by": "linear", "epoch": epoch, "k_hardness": k}
    settings = spec.build(ControllerSettings)
    history = list(_history(job))
    deciding = len(history) >= settings.k_first_epochs
    tried = candidates(settings) if deciding else []
    seed = job.spec.run.seed
    choice = choose_k(history, tried, settings, epoch if deciding else decay_epoch, spec.k_epochs, seed)
    return {**choice.why, "k_hardness": choice.k_hardness}


def _history(job: Job) -> Iterator[EpochRecord]:
    """The earlier mined epochs that have an evaluated epoch before them."""
    errors = {_epoch(each): _violation_share(each) for each in job.parents("evaluate")}
    for minings, mine in enumerate(job.parents("mine")):
        number = _epoch(mine)
        if number - 1 in errors:
            yield EpochRecord(
                epoch=minings,
                k_hardness=float(mine.manifest.report["k_hardness"]),
                e_train=float(mine.manifest.report["mean_hinge"]),
                e_val_before=errors[number - 1],
                e_val=errors[number],
            )


def triplet_candidates(
    job: Job,
    settings: ControllerSettings,
    rule: MiningRule,
    *,
    threads: int,
    excluded: NDArray[np.bool_] | None,
    vectors: NDArray[np.float32] | None,
    groups: NDArray[np.int64] | None,
) -> list[Candidate]:
    """What mining a sample of anchors with each k would give. rule, excluded, vectors, groups: as the epoch mines."""
    anchors = sampled_rows(job.facts.train, job.spec.mine.sample, job.spec.run.seed)
    table = rows_of_table(job, anchors)
    reviewed = reviewed_of(job)
    # Positives outside the neighbours would need all vectors, so the sample uses only those inside.
    near = replace(rule, positives="neighbours")
    return evaluate_candidates(
        table,
        reviewed.labels,
        near,
        settings.grid,
        anchors=anchors,
        vectors=vectors,
        excluded=excluded,
        groups=groups,
        never_negatives=reviewed.never_negatives,
        threads=threads,
    )


def _epoch(stage: Committed) -> int:
    if stage.manifest.epoch is None:
        raise ValueError(f"{stage.folder} belongs to no epoch")
    return stage.manifest.epoch


def _violation_share(evaluate: Committed) -> float:
    return float(evaluate.manifest.report["validation"]["violation_share"])
