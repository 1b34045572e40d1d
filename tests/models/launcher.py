"""Starts two training processes: as the train stage does, or faster, without torch's launcher."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from tripletmine.models.encoders.checkpoints import load_tensors

from .. import forked
from ..waiting import PATIENCE_SECONDS


def in_two_processes(
    script: str, folder: Path, names: Iterable[str]
) -> dict[tuple[str, int], dict[str, Tensor]]:
    """(name, rank) → the tensors that the script has left in the file "name rank" of the folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*launcher, script, str(folder)], check=True, timeout=PATIENCE_SECONDS, env=environment)
    return _left(folder, names)


def in_two_forked_processes(
    script: str, folder: Path, names: Iterable[str]
) -> dict[tuple[str, int], dict[str, Tensor]]:
    """The same without torch's launcher, see tests/forked.py."""
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
    return _left(folder, names)


def _left(folder: Path, names: Iterable[str]) -> dict[tuple[str, int], dict[str, Tensor]]:
    return {(name, rank): load_tensors(folder / f"{name} {rank}")[0] for name in names for rank in range(2)}
