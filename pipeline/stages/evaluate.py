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
from ..errors import CorruptError
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
from .evaluate_metrics import measure

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
        **_row_keys(facts, splits),
        **({} if facts.pairs is None else {"pairs": facts.pairs}),
    }


def _row_keys(facts: RunFacts, splits: Sequence[str]) -> dict[str, Any]:
    """Keys for what earlier versions ignored: a review, labels after the first, role and group. Empty if unused."""
    reviewed = {split: digest for split, digest in facts.held_out if split in splits}
    keys: dict[str, Any] = {"review": reviewed} if reviewed else {}
    if facts.ranking:
        keys["ranking"] = facts.ranking
    if any(facts.several[SPLITS.index(split)] for split in splits):
        keys["labels"] = "sets"
    names = [f"{split}{suffix}" for split in splits for suffix in BY_ROLE_AND_GROUP]
    protocols = [asked.name for asked in facts.protocols if asked.name in names]
    return keys | ({"protocols": protocols} if protocols else {})


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
    width = spec.encoder.embedding_dim * 4 + (facts.classes * _SCORED_BYTES if spec.loss.of_labels else 0)
    # Metrics are computed in the run's own process, by exact search in blocks. It holds the vectors as they are read,
    # of unit length, and transposed; and a block of distances with its masks.
    block_mib = min(_BLOCK_MIB, rows * rows * 4 // 2**20)
    held_mib = PROCESS_MIB + 3 * rows * width // 2**20 + 2 * block_mib
    phases.append(Phase(_MEASURE, (Task(_MEASURE, 0, 0, 0),), held_mib, True, reads_scratch=True))
    return Plan(tuple(phases), disk_bytes=rows * spec.encoder.embedding_dim * 4)


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    if task.phase == _MEASURE:
        from ...models.compute import use_threads

        use_threads(min(resources.threads, job.spec.training_threads))
        splits = _splits(job.spec, job.facts, job.ref)
        vectors = {split: _embeddings(job, split, *job.facts.rows(split)) for split in splits}
        if sampled := _sampled(job.spec, job.facts, job.ref):
            vectors[TRAIN_SAMPLE] = _embeddings(job, TRAIN_SAMPLE, 0, sampled)
        publish_json(job.folder / METRICS_FILE, measure(job, vectors))
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


def _embeddings(job: Job, phase: str, first: int, count: int) -> NDArray[np.float32]:
    receipts = job.stage_folder.receipts()
    vectors = np.empty((count, job.spec.encoder.embedding_dim), np.float32)
    for task in split_rows(phase, count, job.spec.embed.chunk_rows, first):
        path = job.scratch / f"{task.name}.npy"
        if not path.exists() or digest_file(path) != receipts[task.name].report["sha256"]:
            raise CorruptError(f"{path} is gone or damaged: redo the stage with {job.ref.redo}")
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
