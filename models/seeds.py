"""Random generators seeded by what is computed (seed, epoch, step, …), not by when or where."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def numpy_generator(*parts: int) -> np.random.Generator:
    """A generator for (seed, epoch, step, …). The parts are integers ≥ 0; their order matters."""
    return np.random.default_rng(np.random.SeedSequence(parts))


def torch_seed(*parts: int) -> int:
    """A 63-bit seed for torch from the same parts."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def torch_generator(*parts: int) -> torch.Generator:
    """A generator for (seed, step, …), on the CPU, so that every device gets the same numbers."""
    return torch.Generator().manual_seed(torch_seed(*parts))


@contextmanager
def seeded_by(*parts: int) -> Iterator[None]:
    """A context in which torch's CPU random numbers depend on the parts alone; the state is restored at the end."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(*parts))
        yield
