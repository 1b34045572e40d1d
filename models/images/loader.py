"""Load the images of the next batches while the model trains on this one, by a thread or by processes."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..batches.batch import Batch
from ..errors import ModelError

Load = Callable[[int, NDArray[np.int64], slice], Tensor]
"""(step, rows of the batch, share of this process) → images. Must be picklable, and give the same in any process."""

_AHEAD = 2
"""Batches that each loader process prepares in advance."""


class BatchRequest(NamedTuple):
    """A batch to load images for. step: number in the epoch. share: rows of the batch that this process trains."""

    step: int
    batch: Batch
    share: slice


def loaded(load: Load, asked: Iterator[BatchRequest], *, workers: int) -> Iterator[tuple[Batch, Tensor]]:
    """Yield batches with their images, in order; in pinned memory if there is a GPU.

    workers: number of loader processes; 0 uses a thread of this process, one batch ahead. The images do not depend on
    it. Raises whatever `load` raises.
    """
    return _by_processes(load, asked, workers) if workers else _by_thread(load, asked)


def _by_thread(load: Load, asked: Iterator[BatchRequest]) -> Iterator[tuple[Batch, Tensor]]:
    def images(step: int, batch: Batch, share: slice) -> Tensor:
        tensor = load(step, batch.rows, share)
        return tensor.pin_memory() if torch.cuda.is_available() else tensor

    with ThreadPoolExecutor(1) as reader:
        ahead = deque((each.batch, reader.submit(images, *each)) for each in _first(asked))
        for each in asked:
            ahead.append((each.batch, reader.submit(images, *each)))
            batch, found = ahead.popleft()
            yield batch, found.result()
        for batch, found in ahead:
            yield batch, found.result()


def _first(asked: Iterator[BatchRequest]) -> Iterator[BatchRequest]:
    first = next(asked, None)
    if first is not None:
        yield first


class _Loads(Dataset[Tensor | Exception]):
    def __init__(self, load: Load) -> None:
        self._load = load

    def __getitem__(self, asked: tuple[int, NDArray[np.int64], slice]) -> Tensor | Exception:
        try:
            return self._load(*asked)
        except Exception as error:  # returned, since DataLoader would bury its message in a traceback
            return error


def _by_processes(load: Load, asked: Iterator[BatchRequest], workers: int) -> Iterator[tuple[Batch, Tensor]]:
    waiting: deque[Batch] = deque()

    def places() -> Iterator[tuple[int, NDArray[np.int64], slice]]:
        for each in asked:
            waiting.append(each.batch)
            yield each.step, each.batch.rows, each.share

    loader = DataLoader(
        _Loads(load),
        sampler=places(),  # pyright: ignore[reportArgumentType] — any iterable will do
        batch_size=None,
        num_workers=workers,
        prefetch_factor=_AHEAD,
        pin_memory=torch.cuda.is_available(),
        # Not fork: this process has threads, and a fork would copy the locks that they hold.
        multiprocessing_context="forkserver",
    )
    batches = iter(loader)
    while True:
        try:
            images = next(batches)
        except StopIteration:
            return
        except (RuntimeError, OSError, EOFError) as error:  # the pipe of a dead process may break first
            reason = next(iter(str(error).splitlines()), type(error).__name__)  # EOFError has no message
            raise ModelError(
                f"a loader process (loader_workers = {workers}) has died ({reason}): lower "
                "it, or give the machine more memory (/dev/shm, too); the epoch continues from its last checkpoint"
            ) from error
        if isinstance(images, Exception):
            raise images
        yield waiting.popleft(), images
