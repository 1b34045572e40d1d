"""Try out a run before any work: build everything once, and push one item through it.

`check` and `run` both call this, so that `check` finds what `run` would refuse, in the same words.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..artifacts.encoder_copies import encoder_files
from ..data.base import DataSet
from ..data.pictures.examine import SAMPLE
from ..errors import DataError
from ..plan.refs import StageRef
from ..plan.stage import RunFacts
from ..resolve.batches import batch_shape
from ..runfile.keys import as_of_a_run
from ..runfile.run_spec import RunSpec
from ..workers.open import require_executor

if TYPE_CHECKING:
    from torch import nn

_READ_BYTES = 32 * 2**20
_TRIED = 16
"""Number of items of which one must be readable. Unreadable items among them are reported elsewhere."""


@dataclass(frozen=True, slots=True)
class ItemsRead:
    """The number of items read, and of all items."""

    read: int
    items: int


def read_items(data: DataSet, sample: int | None = SAMPLE) -> ItemsRead:
    """Read `sample` items, or all. Raises: DataError naming the first item that a run would refuse."""
    rows = len(data.rows)
    chosen = _spaced(rows, rows if sample is None else sample)
    step = max(1, _READ_BYTES // max(1, data.dtype.itemsize * int(np.prod(data.item_shape))))
    for start in range(0, len(chosen), step):
        data.read(chosen[start : start + step])
    return ItemsRead(len(chosen), rows)


def runs_here(spec: RunSpec) -> bool:
    """Whether a process of this machine trains. If not, it is unknown what is installed on the workers."""
    return spec.cluster.kind != "dask" or spec.train.where == "driver"


def try_out(spec: RunSpec, facts: RunFacts, data: DataSet) -> None:
    """Build encoder, losses and trainer of a run, and push one item through the encoder. Nothing is written.

    If the run trains on workers elsewhere, only the executor is checked.
    Raises: ModelError and DataError, as the run's stages would; ModuleNotFoundError for a missing extra.
    """
    require_executor(spec.cluster)
    if not runs_here(spec):
        return
    from ...models.train.metric_logs import require_logs

    with _in_keys():
        require_logs(spec.train.log)
        encoder = _encoder(spec, facts)
        row, item = _item(data)
        _embed(spec, encoder, item, data.rows.keys[row].as_py())
        if spec.encoder.learns:
            _train(spec, facts, encoder, item)


def refuse_non_finite(
    vectors: NDArray[np.float32],
    rows: str,
    keys: Callable[[NDArray[np.int64]], list[str]],
    *,
    trained: bool = False,
) -> None:
    """Raises: DataError if embeddings float32 (N, D) have NaN or infinity.

    rows: what they are, for the message. keys: returns the keys for int64 positions. trained: whether the run has
    trained the weights, so that these may be the cause.
    """
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        again = f", or lower train.learning_rate and train again with {StageRef(0, 'train').redo}"
        raise DataError(
            f"{len(bad)} of {rows} have embeddings with NaN or infinity, first {', '.join(keys(bad[:5]))}: correct "
            f"these items or leave them out, or mend the encoder or its start weights{again if trained else ''}"
        )


@contextmanager
def _in_keys() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        named = as_of_a_run(error)
        if named is error:
            raise
        raise named from error


def _encoder(spec: RunSpec, facts: RunFacts) -> "nn.Module":
    """The encoder, loaded from the user's own files, since a run that has not begun has no copies of them."""
    from ..resolve.encoder import load_encoder

    files = encoder_files(spec)
    weights = None if files.weights is None else files.copies[files.weights]
    return load_encoder(Path(spec.base), spec, replace(facts, encoder=spec.encoder.name), weights)


def _item(data: DataSet) -> tuple[int, NDArray[Any]]:
    """The first readable one of some items: its row, and the item (1, *item_shape)."""
    first: DataError | None = None
    for row in _spaced(len(data.rows), _TRIED).tolist():
        try:
            return row, data.read([row])
        except DataError as error:
            first = first or error
    raise first or DataError("the data set has no rows: add some")


def _embed(spec: RunSpec, encoder: "nn.Module", item: NDArray[Any], key: str) -> None:
    from ...models.compute import device_named
    from ...models.encoders.encode import encode
    from ..resolve.encoder import scaling_of

    vectors = encode(
        encoder,
        item,
        normalise=spec.encoder.normalise,
        batch_rows=1,
        device=device_named(spec.embed.device),
        scaling=scaling_of(spec),
    )
    refuse_non_finite(vectors, "the items tried", lambda _: [key])


def _train(spec: RunSpec, facts: RunFacts, encoder: "nn.Module", item: NDArray[Any]) -> None:
    """Build everything that training needs, without a step: batch shape, image transform, trainer."""
    from ...models.compute import device_named
    from ...models.rules.in_batch import SemiHard
    from .images import train_transform
    from .trainer import new_trainer

    if not spec.loss.of_pairs and (spec.train.warmup_epochs or spec.train.batches != "triplets"):
        batch_shape(spec).fitted(facts.classes - facts.singletons)
    train_transform(spec, seed=spec.run.seed)(item, 0)
    device = device_named(spec.embed.device)
    new_trainer(spec, facts, encoder, SemiHard(spec.margin), epoch=0, total_steps=1, device=device)


def _spaced(rows: int, count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, rows - 1, min(rows, count)).round().astype(np.int64))
