"""The evaluate stage: embeds a held-out split with the checkpoint just trained and measures it → metrics.json.

The validation split is evaluated in every epoch. The test split is evaluated once, at the end, with the checkpoint
chosen on validation (`test_stage`), or with evaluate.test = "every" in every epoch.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.compute.npy import npy_bytes
from ..artifacts.weights import DECISIONS_FILE
from ..data.base import SPLITS
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import PROCESS_MIB, Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.encoder import scaling_keys
from ..resolve.protocols import BY_ROLE_AND_GROUP
from ..resolve.train_sample import TRAIN_SAMPLE, sample_size, train_sample
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_file
from ..storage.publish import publish_json, published
from ..storage.receipts import Receipt
from ..workers.opened import rows_of
from .embed_rows import embed_rows, embedding_memory_mib
from .evaluation.metrics import compared, measure
from .evaluation.search import (
    protocol_of,
    protocols_in,
    question,
    require_scratch,
    search_part,
    search_phases,
)

METRICS_FILE = "metrics.json"
_MEASURE = "metrics"
_BLOCK_MIB = 256
"""Of a block of distances, as in `models.metrics.blocks`, which imports torch."""
_SCORED_BYTES = 32
"""Bytes for each scored pair of row and class: the score, its orders, and whether the class is a label."""


def _parents(spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return (StageRef(ref.epoch, "train"),) if spec.encoder.learns else ()


def _keys(spec: RunSpec, facts: RunFacts, ref: StageRef) -> dict[str, Any]:
    splits = _splits(spec, facts, ref)
    return {
        "encoder": spec.encoder.result_keys(),
        "data": scaling_keys(spec),
        "embed": {"batch_rows": spec.embed.batch_rows},
        "evaluate": spec.evaluate.result_keys(),
        "margin": spec.margin,
        **_row_keys(spec, facts, ref, splits),
        **({} if facts.pairs is None else {"pairs": facts.pairs}),
    }


def _row_keys(spec: RunSpec, facts: RunFacts, ref: StageRef, splits: tuple[str, ...]) -> dict[str, Any]:
    """Keys for what earlier versions ignored: a review, labels after the first, role and group. Empty if unused."""
    reviewed = {split: digest for split, digest in facts.held_out if split in splits}
    keys: dict[str, Any] = {"review": reviewed} if reviewed else {}
    if facts.ranking:
        keys["ranking"] = facts.ranking
    if any(facts.several[SPLITS.index(split)] for split in splits):
        keys["labels"] = "sets"
    names = [f"{split}{suffix}" for split in splits for suffix in BY_ROLE_AND_GROUP]
    protocols = [asked.name for asked in facts.protocols if asked.name in names]
    drawn = {asked.name: asked.drawn for asked in protocols_in(spec, facts, ref, splits) if asked.drawn}
    return keys | ({"protocols": protocols} if protocols else {}) | ({"drawn": drawn} if drawn else {})


def _splits(spec: RunSpec, facts: RunFacts, ref: StageRef) -> tuple[str, ...]:
    """The splits to embed. The test at the end of a run with data.split = "closed" may also need the training split, as
    a gallery or for fitting label decisions."""
    if ref.epoch is None:
        trained = not spec.loss.of_pairs and (spec.evaluate.train_gallery or spec.loss.of_labels)
        return ("test", "train") if spec.data.split == "closed" and trained else ("test",)
    if spec.evaluate.test == "every" and facts.test:
        return ("validation", "test")
    return ("validation",)


def _sampled(spec: RunSpec, facts: RunFacts, ref: StageRef) -> int:
    """Number of training rows that an epoch embeds in addition to its splits; 0 for the test at the end."""
    return 0 if ref.epoch is None else sample_size(spec, facts.train)


def _plan(spec: RunSpec, facts: RunFacts, ref: StageRef) -> Plan:
    memory = embedding_memory_mib(spec, facts)
    phases, rows = [], 0
    if sampled := _sampled(spec, facts, ref):
        phases.append(Phase(TRAIN_SAMPLE, split_rows(TRAIN_SAMPLE, sampled, spec.embed.chunk_rows), memory))
        rows += sampled
    for split in _splits(spec, facts, ref):
        first, count = facts.rows(split)
        phases.append(Phase(split, split_rows(split, count, spec.embed.chunk_rows, first), memory))
        rows += count
    protocols = protocols_in(spec, facts, ref, _splits(spec, facts, ref))
    by_role = any(asked.name.endswith(BY_ROLE_AND_GROUP) for asked in protocols)
    plain = spec.evaluate.retrieval == "instances" and spec.evaluate.feature == "embedding"
    # Vectors as they are read and, where that is something else, as they are compared; rows of a role are a copy.
    copies = (1 if plain else 3) + by_role + bool(facts.held_out)
    vectors_mib = copies * rows * spec.encoder.embedding_dim * 4 // 2**20
    block_mib = min(_BLOCK_MIB, rows * rows * 4 // 2**20)
    search_mib = PROCESS_MIB + vectors_mib + 2 * block_mib
    phases += search_phases(protocols, spec, search_mib)
    # Metrics are computed in the run's own process, also the search, if no tasks have made it.
    scores_mib = rows * facts.classes * _SCORED_BYTES // 2**20 if spec.loss.of_labels else 0
    measure = Phase(_MEASURE, (Task(_MEASURE, 0, 0, 0),), search_mib + scores_mib, True, reads_scratch=True)
    return Plan((*phases, measure), disk_bytes=rows * spec.encoder.embedding_dim * 4)


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    name = protocol_of(task)
    if name is not None or task.phase == _MEASURE:
        from ...models.compute import use_threads

        use_threads(min(resources.threads, job.spec.training_threads))
    if name is not None:
        rows, _, vectors = compared(job, _all_embeddings(job))
        return search_part(job, question(job, rows, vectors, name), task)
    if task.phase == _MEASURE:
        searched = {
            protocol_of(each.tasks[0]) or "": each.tasks
            for each in _plan(job.spec, job.facts, job.ref).phases
        }
        publish_json(job.folder / METRICS_FILE, measure(job, _all_embeddings(job), searched))
        return TaskOutput(files=(METRICS_FILE, *((DECISIONS_FILE,) if _decides(job) else ())), rows=0)
    # Centroids and batch-normalised features are computed from the encoder's raw output, and scaled to unit length
    # afterwards.
    plain = job.spec.evaluate.retrieval == "instances" and job.spec.evaluate.feature == "embedding"
    among = None
    if task.phase == TRAIN_SAMPLE:
        among = train_sample(rows_of(job.root, job.facts.data_digest), job.spec)
    vectors = embed_rows(job, task.start, task.stop, resources, among=among, normalise=plain)
    return _keep(job, task, vectors)


def _decides(job: Job) -> bool:
    """Whether this stage fits label decisions: in the test at the end, on the training split."""
    return job.spec.loss.of_labels is not None and "train" in _splits(job.spec, job.facts, job.ref)


def _keep(job: Job, task: Task, vectors: NDArray[np.float32]) -> TaskOutput:
    """Write embeddings to the stage's scratch folder, which is deleted at the commit: only the metrics need them."""
    path = job.scratch / f"{task.name}.npy"
    with published(path) as partial_path:
        partial_path.write_bytes(npy_bytes(vectors))
    return TaskOutput(files=(), rows=len(vectors), report={"sha256": digest_file(path)})


def _all_embeddings(job: Job) -> dict[str, NDArray[np.float32]]:
    """The embeddings of the stage's splits, and of the sample of training rows."""
    splits = _splits(job.spec, job.facts, job.ref)
    vectors = {split: _embeddings(job, split, *job.facts.rows(split)) for split in splits}
    if sampled := _sampled(job.spec, job.facts, job.ref):
        vectors[TRAIN_SAMPLE] = _embeddings(job, TRAIN_SAMPLE, 0, sampled)
    return vectors


def _embeddings(job: Job, phase: str, first: int, count: int) -> NDArray[np.float32]:
    receipts = job.stage_folder.receipts()
    vectors = np.empty((count, job.spec.encoder.embedding_dim), np.float32)
    for task in split_rows(phase, count, job.spec.embed.chunk_rows, first):
        path = job.scratch / f"{task.name}.npy"
        require_scratch(job, path, receipts[task.name].report["sha256"])
        vectors[task.start - first : task.stop - first] = np.load(path, allow_pickle=False)
    return vectors


def _report(job: Job, _receipts: Sequence[Receipt]) -> dict[str, Any]:
    return json.loads((job.folder / METRICS_FILE).read_bytes())


EVALUATE = Stage("evaluate", _parents, _keys, _plan, _run_task, _report)


def _chosen(epoch: int, spec: RunSpec, facts: RunFacts, _ref: StageRef) -> tuple[StageRef, ...]:
    return _parents(spec, facts, StageRef(epoch, "evaluate"))


def test_stage(best_epoch: int) -> Stage:
    """The stage that evaluates the test split with the checkpoint of this epoch. It belongs to the run, not an
    epoch."""
    return Stage("test", partial(_chosen, best_epoch), _keys, _plan, _run_task, _report)
