"""Random generators that depend on what is computed, never on when or where."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def numpy_generator(*parts: int) -> np.random.Generator:
    """A generator for (seed, epoch, step, …); the parts are integers ≥ 0, and their order counts."""
    return np.random.default_rng(np.random.SeedSequence(parts))


def torch_seed(*parts: int) -> int:
    """A 63-bit seed for torch from the same parts."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def torch_generator(*parts: int) -> torch.Generator:
    """A CPU generator for (seed, step, …). Drawn on the CPU, so that every device sees the same numbers."""
    return torch.Generator().manual_seed(torch_seed(*parts))


@contextmanager
def seeded_by(*parts: int) -> Iterator[None]:
    """Torch's random numbers on the CPU follow from the parts inside, and from what they were outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(*parts))
        yield
