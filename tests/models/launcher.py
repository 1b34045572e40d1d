"""Starts two training processes without torch's launcher, which tests/pipeline/training/test_launch.py starts."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from tripletmine.models.encoders.checkpoints import load_tensors

from .. import forked
from ..waiting import PATIENCE_SECONDS


def in_two_processes(
    script: str, folder: Path, names: Iterable[str]
) -> dict[tuple[str, int], dict[str, Tensor]]:
    """(name, rank) → the tensors that the script has left in the file "name rank" of the folder.

    script: started as tests/forked.py says, with the folder as its argument.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "output.log"
    meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    ranks = [
        forked.start(
            script,
            str(folder),
            log=log,
            environment={
                **os.environ,
                **meet,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "OMP_NUM_THREADS": "1",
            },
        )
        for rank in range(2)
    ]
    assert [rank.wait(PATIENCE_SECONDS) for rank in ranks] == [0, 0], log.read_text()
    return {(name, rank): load_tensors(folder / f"{name} {rank}")[0] for name in names for rank in range(2)}
