"""evaluate: a held-out split through the checkpoint just trained → metrics.json.

Validation in every epoch; the test split once, at the end, for the checkpoint chosen on validation
(`test_stage`), or in every epoch with evaluate.test = "every".
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mining.compute.npy import npy_bytes
from ..data.base import SPLITS
from ..errors import CorruptError
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.encoder import scaling_keys
from ..runfile.run_spec import RunSpec
from ..storage.digest import digest_file
from ..storage.publish import publish_json, published
from ..storage.receipts import Receipt
from ..workers.opened import rows_of
from .embed_rows import embed_rows, embedding_memory_mib

METRICS_FILE = "metrics.json"
_MEASURE = "metrics"


def _parents(_spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return (StageRef(ref.epoch, "train"),)


def _keys(spec: RunSpec, _facts: RunFacts) -> dict[str, Any]:
    return {
        "encoder": spec.encoder.result_keys(),
        "data": scaling_keys(spec),
        "embed": {"batch_rows": spec.embed.batch_rows},
        "evaluate": spec.evaluate.result_keys(),
        "margin": spec.margin,
    }


def _splits(spec: RunSpec, facts: RunFacts, ref: StageRef) -> tuple[str, ...]:
    """The splits that are embedded. In the test at the end of a closed run the training split is a gallery, too."""
    if ref.epoch is None:
        return ("test", "train") if spec.data.split == "closed" and spec.evaluate.train_gallery else ("test",)
    if spec.evaluate.test == "every" and facts.test:
        return ("validation", "test")
    return ("validation",)


def _plan(spec: RunSpec, facts: RunFacts, ref: StageRef) -> Plan:
    memory = embedding_memory_mib(spec, facts)
    phases = []
    rows = 0
    for split in _splits(spec, facts, ref):
        first, count = facts.rows(split)
        phases.append(Phase(split, split_rows(split, count, spec.embed.chunk_rows, first), memory))
        rows += count
    vectors_mib = rows * spec.encoder.embedding_dim * 4 // 2**20
    # Metrics on the flow's machine: exact search by blocks of a fixed size.
    phases.append(Phase(_MEASURE, (Task(_MEASURE, 0, 0, 0),), 600 + vectors_mib, True, reads_scratch=True))
    return Plan(tuple(phases), disk_bytes=rows * spec.encoder.embedding_dim * 4)


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    if task.phase == _MEASURE:
        from ...models.compute import use_threads

        use_threads(min(resources.threads, job.spec.training_threads))
        publish_json(job.folder / METRICS_FILE, _measure(job))
        return TaskOutput(files=(METRICS_FILE,), rows=0)
    # Centroids are means of what the encoder gives; it is made unit length afterwards.
    by_rows = job.spec.evaluate.retrieval == "instances"
    vectors = embed_rows(job, task.start, task.stop, resources, normalise=by_rows)
    return _keep(job, task, vectors)


def _keep(job: Job, task: Task, vectors: NDArray[np.float32]) -> TaskOutput:
    """Embeddings that only the metrics need live in the stage's scratch folder, and end with the stage."""
    path = job.scratch / f"{task.name}.npy"
    with published(path) as partial_path:
        partial_path.write_bytes(npy_bytes(vectors))
    return TaskOutput(files=(), rows=len(vectors), report={"sha256": digest_file(path)})


def _embeddings(job: Job, split: str) -> NDArray[np.float32]:
    receipts = job.stage_folder.receipts()
    first, count = job.facts.rows(split)
    parts = []
    for task in split_rows(split, count, job.spec.embed.chunk_rows, first):
        path = job.scratch / f"{task.name}.npy"
        if not path.exists() or digest_file(path) != receipts[task.name].report["sha256"]:
            raise CorruptError(f"{path} is gone or damaged: redo the stage with {job.ref.redo}")
        parts.append(np.load(path, allow_pickle=False))
    return np.concatenate(parts)


def _measure(job: Job) -> dict[str, Any]:
    splits = _splits(job.spec, job.facts, job.ref)
    found: dict[str, Any] = {}
    vectors = {split: _embeddings(job, split) for split in splits}
    for split in splits:
        if split != "train":
            found[split] = _leave_one_out(job, split, vectors[split])
    if "train" in splits:
        found["test_against_train"] = _against_train(job, vectors)
    return found


def _leave_one_out(job: Job, split: str, vectors: NDArray[np.float32]) -> dict[str, Any]:
    """Every row of a split asks the other rows of the split."""
    from ...models.metrics.centroids import unit_length
    from ...models.metrics.report import retrieval_metrics
    from ...models.metrics.violations import violation_share

    seed = job.spec.run.seed % 2**32
    classes = _classes(job, split)
    spec = job.spec.evaluate
    normalise = job.spec.encoder.normalise
    metrics = retrieval_metrics(
        vectors, classes, matched=spec.retrieval, normalise=normalise, with_nmi=spec.nmi, seed=seed
    )
    if split == "validation":
        if spec.retrieval == "centroids" and normalise:
            vectors = unit_length(vectors)
        metrics["violation_share"] = violation_share(
            vectors, classes, margin=job.spec.margin, anchors=job.spec.evaluate.violation_sample, seed=seed
        )
    return metrics


def _against_train(job: Job, vectors: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
    """Every row of the test split asks the training split."""
    from ...models.metrics.report import retrieval_metrics

    return retrieval_metrics(
        vectors["test"],
        _classes(job, "test"),
        gallery=vectors["train"],
        gallery_classes=_classes(job, "train"),
        matched=job.spec.evaluate.retrieval,
        normalise=job.spec.encoder.normalise,
        with_nmi=False,
    )


def _classes(job: Job, split: str) -> NDArray[np.int32]:
    """Class codes of a split, the same code for the same name in every split."""
    rows = rows_of(job.root, job.facts.data_digest)
    known = sorted({name for each in SPLITS for name in rows.class_sizes(each)})
    names = {name: code for code, name in enumerate(known)}
    return np.array([names[_first(label)] for label in rows.labels(split)], np.int32)


def _first(label: str | list[str]) -> str:
    return label if isinstance(label, str) else min(label)


def _report(job: Job, _receipts: Sequence[Receipt]) -> dict[str, Any]:
    return json.loads((job.folder / METRICS_FILE).read_bytes())


EVALUATE = Stage("evaluate", _parents, _keys, _plan, _run_task, _report)


def _chosen(epoch: int, _spec: RunSpec, _facts: RunFacts, _ref: StageRef) -> tuple[StageRef, ...]:
    return (StageRef(epoch, "train"),)


def test_stage(best_epoch: int) -> Stage:
    """The evaluation of the test split with the checkpoint of this epoch. It belongs to the run, not to an epoch."""
    return Stage("test", partial(_chosen, best_epoch), _keys, _plan, _run_task, _report)
