"""A thread and processes load the same batches and images; what happens when reading fails."""

import multiprocessing
import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tripletmine.models.batches.batch import Batch
from tripletmine.models.errors import ModelError
from tripletmine.models.images import loader
from tripletmine.models.images.loader import BatchRequest, loaded


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Loader processes import the functions below by the name of this module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


def images(step, rows, share):
    return torch.from_numpy(rows[share]).float() + 1000 * step


def failing(step, rows, share):
    if step == 3:
        raise ModelError("row 7 cannot be read")
    return images(step, rows, share)


def dying(step, rows, share):
    if step == 3 and multiprocessing.parent_process():
        os.kill(os.getpid(), signal.SIGKILL)
    return images(step, rows, share)


def asked(steps=6):
    for step in range(steps):
        rows = np.arange(step, step + 5, dtype=np.int64)
        yield BatchRequest(step, Batch(rows, rows.astype(np.int32)), slice(1, 4))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_with_their_share_of_images(workers):
    found = list(loaded(images, asked(), workers=workers))
    assert len(found) == 6
    for step, (batch, tensor) in enumerate(found):
        assert batch.rows[0] == step
        assert torch.equal(tensor, images(step, batch.rows, slice(1, 4)))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_reading_raises_is_raised_as_it_was(workers):
    batches = loaded(failing, asked(), workers=workers)
    for _ in range(3):
        next(batches)
    with pytest.raises(ModelError, match=r"^row 7 cannot be read$"):
        next(batches)


def test_a_loader_process_that_dies_is_named_with_the_key():
    with pytest.raises(ModelError, match=r"loader_workers = 1\) has died .* lower it"):
        list(loaded(dying, asked(), workers=1))
    assert len(list(loaded(dying, asked(), workers=0))) == 6


@pytest.mark.parametrize("error", [EOFError(), RuntimeError("killed by signal: Killed.\nAnd more")])
def test_a_pipe_that_breaks_first_is_the_same_error(error, monkeypatch):
    class Broken:
        def __init__(self, *_, **__):
            pass

        def __iter__(self):
            raise error
            yield

    monkeypatch.setattr(loader, "DataLoader", Broken)
    said = str(error).partition("\n")[0] or "EOFError"
    with pytest.raises(ModelError, match=rf"has died \({said}\): lower it"):
        list(loaded(images, asked(), workers=1))


def test_no_batches_at_all():
    assert list(loaded(images, asked(0), workers=0)) == []


def test_every_batch_is_read_once_and_in_order():
    read = []

    def noted(step, rows, share):
        read.append(step)
        return images(step, rows, share)

    seen = []
    for batch, _ in loaded(noted, asked(), workers=0):
        seen.append(int(batch.rows[0]))
    assert sorted(read) == seen == list(range(6))
    assert all(b - a == 1 for a, b in pairwise(read))
