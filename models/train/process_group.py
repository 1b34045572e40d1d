"""Join the processes that torch's launcher started on this machine."""

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
    """A context with the process group of this launch: NCCL with one GPU per process, or gloo on the CPU.

    device: see `device_named`. Inside the context, "auto" and "cuda" mean this process's own GPU.

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
    """The encoder with batch statistics over all processes, so that several processes train the same as one.

    On GPUs every BatchNorm becomes a SyncBatchNorm with the same weights; torch has none for the CPU.

    Raises: ModelError for an encoder with a trained BatchNorm on the CPU.
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
