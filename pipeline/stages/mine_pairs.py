"""The mine stage of a run that ranks items: embeddings + pairs + k → scores.parquet, pairs/part-*.parquet, counts,
k."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...mining.hardness.controller import Candidate, ControllerSettings
from ...mining.pairs.ranked import MinedPairs, RankedCounts, RankedRule, mine_ranked
from ..artifacts.embeddings import read_embeddings
from ..artifacts.ranking import SCORES, pairs_part
from ..artifacts.triplets import HARDNESS
from ..artifacts.weights import first_weights
from ..data.base import SPLITS
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import PROCESS_MIB, Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.labels import label_keys
from ..runfile.run_spec import RunSpec
from ..storage.publish import publish_json
from ..storage.receipts import Receipt
from ..storage.tables import read_table, write_table
from ..workers.opened import ranked_of
from .mine_hardness import choose_hardness, hardness_parents
from .trained_layers import head_of

_PAIR_BYTES = 25


def _parents(spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return (StageRef(ref.epoch, "embed"), *first_weights(ref), *hardness_parents(spec, ref))


def _keys(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> dict[str, Any]:
    return {
        "mine": spec.mine.result_keys(),
        "margin": spec.loss.ranking.margin,
        "warmup_epochs": spec.train.warmup_epochs,
        **label_keys(facts),
    }


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    rows, width = facts.train, spec.encoder.embedding_dim * 4
    memory = PROCESS_MIB + rows * 8 * _PAIR_BYTES * spec.mine.triplets_per_anchor // 2**20
    return Plan(
        phases=(
            Phase("scores", (Task("scores", 0, 0, 0),), memory + rows * width // 2**20),
            Phase("hardness", (Task("hardness", 0, 0, 0),), memory),
            Phase("rows", split_rows("rows", rows, spec.mine.chunk_rows), memory),
        ),
        disk_bytes=rows * (12 + _PAIR_BYTES * spec.mine.triplets_per_anchor),
    )


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    match task.phase:
        case "scores":
            return _score(job, resources)
        case "hardness":
            publish_json(
                job.folder / HARDNESS, choose_hardness(job, lambda settings: _candidates(job, settings))
            )
            return TaskOutput(files=(HARDNESS,), rows=0)
        case _:
            return _mine_rows(job, task)


def _score(job: Job, resources: TaskResources) -> TaskOutput:
    """Write the scores of all training rows, with the weights at the start of the epoch."""
    from ...models.compute import use_threads

    use_threads(min(resources.threads, job.spec.training_threads))
    scores = head_of(job).scores(read_embeddings(job.parent("embed"), 0, job.facts.train))
    write_table(job.folder / SCORES, pa.table({"row": np.arange(len(scores)), "score": scores}))
    return TaskOutput(files=(SCORES,), rows=0)


def _mine_rows(job: Job, task: Task) -> TaskOutput:
    pairs, alike = _pairs(job, task.start, task.stop)
    k_hardness = float(json.loads((job.folder / HARDNESS).read_bytes())["k_hardness"])
    mined = _mined(job, pairs, alike, _rule(job.spec, k_hardness))
    name = pairs_part(task.index)
    table = pa.table(
        {
            "first": pairs[mined.taken, 0],
            "second": pairs[mined.taken, 1],
            "alike": alike[mined.taken],
            "gap": mined.gaps,
            "hinge": mined.hinges,
        }
    )
    write_table(job.folder / name, table)
    return TaskOutput(files=(name,), rows=task.rows, report={"counts": asdict(mined.counts)})


def _pairs(job: Job, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pairs of rows whose first row is in a range, and whether each pair is alike."""
    pairs, alike = ranked_of(job, SPLITS[0]).row_pairs()
    low, high = np.searchsorted(pairs[:, 0], [start, stop])
    return pairs[low:high], alike[low:high]


def _mined(job: Job, pairs: NDArray[np.int64], alike: NDArray[np.bool_], rule: RankedRule) -> MinedPairs:
    scores = read_table(job.folder / SCORES, ["score"])["score"].to_numpy()
    return mine_ranked(pairs, alike, scores, rule)


def _rule(spec: RunSpec, k_hardness: float) -> RankedRule:
    return RankedRule(
        k_hardness=k_hardness, margin=spec.loss.ranking.margin, pairs_per_row=spec.mine.triplets_per_anchor
    )


def _candidates(job: Job, settings: ControllerSettings) -> list[Candidate]:
    """What each k would mine from all pairs. The scores are known, so nothing is sampled."""
    pairs, alike = _pairs(job, 0, job.facts.train)
    tried = [(k, _mined(job, pairs, alike, _rule(job.spec, k)).counts) for k in settings.grid]
    return [Candidate(k, counts.mean_hinge, counts.coverage) for k, counts in tried]


def _report(job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    parts = [RankedCounts(**receipt.report["counts"]) for receipt in receipts if "counts" in receipt.report]
    total = RankedCounts.total(parts)
    hardness = json.loads((job.folder / HARDNESS).read_bytes())
    return {
        "k_hardness": hardness["k_hardness"],
        "hardness": hardness,
        "coverage": total.coverage,
        "mean_hinge": total.mean_hinge,
        "counts": asdict(total),
    }


MINE_PAIRS = Stage("mine", _parents, _keys, _plan, _run_task, _report)
