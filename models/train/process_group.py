"""Joining the processes that torch's launcher started on this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn

from ..compute import device_named
from ..errors import ModelError
from .processes import Processes


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """The process group of this launch, by NCCL with one GPU for each process, or by gloo on the CPU.

    device: as `device_named` knows it; "auto" and "cuda" are this process's own GPU inside.
    Raises: ModelError when there are fewer GPUs than processes.
    """
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    kind = device_named(device).type
    if kind == "cuda":
        if torch.cuda.device_count() < count:
            raise ModelError(
                f"processes is {count} but this machine has {torch.cuda.device_count()} GPUs: lower it, or set "
                'device = "cpu"'
            )
        torch.cuda.set_device(rank)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield Processes(rank, count)
    finally:
        dist.destroy_process_group()


def shared_statistics(encoder: nn.Module, device: torch.device) -> nn.Module:
    """The encoder with batch statistics over all processes, so that several train what one would.

    On GPUs every BatchNorm becomes a SyncBatchNorm, which has the same weights; torch has none for the CPU.
    Raises: ModelError for an encoder whose BatchNorm is trained on the CPU.
    """
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(encoder)
    for name, module in encoder.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training:
            raise ModelError(
                f"the encoder's {name} is a BatchNorm, whose statistics would differ from one process to the next: "
                "use GroupNorm, or set processes = 1"
            )
    return encoder
