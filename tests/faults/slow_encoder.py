"""A user's own encoder that takes its time and can be told to fail, so that workers are busy for long enough to be hit.

Copied beside the run file. What it does depends on files in the folder that FAULTS_FOLDER names, which are not part of
the run: the weights, and so all results, are those of the same network without any of it.
"""

import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn


class SlowEncoder(nn.Module):
    """One linear layer. slow: seconds for each batch. hungry: eats memory, once. broken: fails on one item."""

    def __init__(self, inputs: int, embedding_dim: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, embedding_dim)

    def forward(self, items: Tensor) -> Tensor:
        flat = items.flatten(1)
        if not self.training:
            _misbehave(flat)
        return self.layer(flat)


def build(input_shape: tuple[int, ...], embedding_dim: int, **_: object) -> nn.Module:
    """The factory that the run file names."""
    torch.manual_seed(0)
    inputs = 1
    for size in input_shape:
        inputs *= size
    return SlowEncoder(inputs, embedding_dim)


def _misbehave(items: Tensor) -> None:
    folder = os.environ.get("FAULTS_FOLDER")
    if folder is None:
        return
    slow, hungry, broken = (Path(folder) / name for name in ("slow", "hungry", "broken"))
    if slow.exists():
        time.sleep(float(slow.read_text()))
    if hungry.exists():
        hungry.unlink()
        eaten = []
        while True:
            eaten.append(torch.ones(2**23))  # 32 MiB
            time.sleep(0.02)
    if broken.exists() and bool((items.sum(1).sub(float(broken.read_text())).abs() < 1e-3).any()):
        raise RuntimeError("this item breaks the encoder")
