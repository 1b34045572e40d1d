"""The embed stage: encodes the training split → embeddings.zarr."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..artifacts.embeddings import create_embeddings, write_embeddings
from ..artifacts.weights import first_weights
from ..errors import DataError
from ..plan.refs import StageRef
from ..plan.stage import Job, RunFacts, Stage
from ..plan.work import Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from ..resolve.encoder import scaling_keys
from ..runfile.run_spec import RunSpec
from ..storage.receipts import Receipt
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
        disk_bytes=facts.train * spec.encoder.embedding_dim * np.dtype(spec.embed.dtype).itemsize,
    )


def _run_task(job: Job, task: Task, resources: TaskResources) -> TaskOutput:
    spec = job.spec
    if task.phase == "layout":
        created = create_embeddings(
            job.folder,
            rows=job.facts.train,
            width=spec.encoder.embedding_dim,
            dtype=spec.embed.dtype,
            chunk_rows=spec.embed.chunk_rows,
        )
        return TaskOutput(files=(created,), rows=0)
    vectors = embed_rows(job, task.start, task.stop, resources)
    if spec.embed.dtype == "float16":
        vectors = _in_float16(vectors, f"rows {task.start} to {task.stop}")
    return TaskOutput(files=(write_embeddings(job.folder, task.start, vectors),), rows=len(vectors))


def _in_float16(vectors: NDArray[np.float32], rows: str) -> NDArray[np.float16]:
    """The vectors rounded to float16. Raises: DataError naming the rows if some values are too large."""
    largest = np.finfo(np.float16).max
    beyond = int((np.abs(vectors) > largest).any(axis=1).sum())
    if beyond:
        raise DataError(
            f"{beyond} of {rows} have embeddings beyond {largest:.0f}, the largest that float16 holds: set embed.dtype "
            '= "float32", or encoder.normalise = true'
        )
    return vectors.astype(np.float16)


def _report(_job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    return {"rows": sum(receipt.rows for receipt in receipts)}


EMBED = Stage("embed", _parents, _keys, _plan, _run_task, _report)
