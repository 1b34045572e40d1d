"""embed: the training split through the encoder → embeddings.zarr."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..artifacts.weights import EMBEDDINGS, first_weights
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.encoder import scaling_keys
from ..runfile.run_spec import RunSpec
from ..storage.receipts import Receipt
from ..storage.row_arrays import create_rows, metadata_file, write_chunk
from .embed_rows import embed_rows, embedding_memory_mib


def _parents(_spec: RunSpec, _facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return first_weights(ref)


def _keys(spec: RunSpec, _facts: RunFacts, _ref: StageRef) -> dict[str, Any]:
    return {
        "encoder": spec.encoder.result_keys(),
        "embed": spec.embed.result_keys(),
        "data": scaling_keys(spec),
    }


def _plan(spec: RunSpec, facts: RunFacts, _ref: StageRef) -> Plan:
    memory = embedding_memory_mib(spec, facts)
    return Plan(
        phases=(
            Phase("layout", (Task("layout", 0, 0, 0),), memory_mib=1),
            Phase("rows", split_rows("rows", facts.train, spec.embed.chunk_rows), memory_mib=memory),
        ),
        disk_bytes=facts.train * spec.encoder.embedding_dim * 4,
    )


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    spec = job.spec
    if task.phase == "layout":
        create_rows(
            job.folder / EMBEDDINGS,
            rows=job.facts.train,
            width=spec.encoder.embedding_dim,
            dtype=np.float32,
            chunk_rows=spec.embed.chunk_rows,
        )
        return TaskOutput(files=(metadata_file(EMBEDDINGS),), rows=0)
    vectors = embed_rows(job, task.start, task.stop, resources)
    return TaskOutput(files=(write_chunk(job.folder, EMBEDDINGS, task.start, vectors),), rows=len(vectors))


def _report(_job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    return {"rows": sum(receipt.rows for receipt in receipts)}


EMBED = Stage("embed", _parents, _keys, _plan, _run_task, _report)
