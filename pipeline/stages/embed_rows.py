"""Embed rows with the weights of a checkpoint. Shared by the stages embed and evaluate."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..artifacts.weights import weights_of
from ..plan.stage import Job, RunFacts
from ..plan.work import PROCESS_MIB, TaskResources
from ..resolve.encoder import scaling_of
from ..runfile.run_spec import RunSpec
from ..training.trial import refuse_non_finite
from ..workers.opened import data_of, encoder_of, rows_of


def embedding_memory_mib(spec: RunSpec, facts: RunFacts) -> int:
    """Memory of one task: its process, its vectors and 64 batches of float32 items.

    The encoder's activations are unknown before it runs; 64 batches are generous for small convolutional networks.
    """
    vectors = spec.embed.chunk_rows * spec.encoder.embedding_dim * 4
    items = spec.embed.batch_rows * facts.item_bytes * 4
    return PROCESS_MIB + (vectors + items * 64) // 2**20


def embed_rows(
    job: Job,
    start: int,
    stop: int,
    resources: TaskResources,
    *,
    among: NDArray[np.int64] | None = None,
    normalise: bool = True,
) -> NDArray[np.float32]:
    """Embeddings float32 (stop - start, D) of the run's rows start … stop, in order.

    among: int64 (S,) rows; if given, the rows are among[start:stop].
    normalise: False leaves the encoder's output as it is, even if the run scales embeddings to unit length.

    A thread decodes the next batch while the encoder works on the current one. A DataLoader cannot be used: a Dask
    worker is a daemonic process and may not have children.

    Raises: DataError naming rows whose embedding is not finite.
    """
    from ...models.compute import device_named, use_threads
    from ...models.encoders.encode import encode

    spec = job.spec
    use_threads(min(resources.threads, spec.training_threads))
    weights = weights_of(job)
    encoder = encoder_of(job.root, spec, job.facts, weights)
    device = device_named(spec.embed.device)
    data = data_of(job.root, spec, job.facts.data_digest)
    rows = rows_of(job.root, job.facts.data_digest)
    ids = np.arange(start, stop) if among is None else among[start:stop]
    sources = rows.sources_at(ids)
    step = spec.embed.batch_rows
    starts = range(0, len(sources), step)
    vectors = np.empty((len(sources), spec.encoder.embedding_dim), np.float32)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(data.read, sources[:step])
        for first in starts:
            images = ahead.result()
            if first + step < len(sources):
                ahead = reader.submit(data.read, sources[first + step : first + 2 * step])
            vectors[first : first + step] = encode(
                encoder,
                images,
                normalise=normalise and spec.encoder.normalise,
                batch_rows=step,
                device=device,
                scaling=scaling_of(spec),
            )
    refuse_non_finite(
        vectors,
        f"rows {start} to {stop}",
        lambda broken: rows.keys(ids[broken]),
        trained=weights is not None,
    )
    return vectors
