"""Two training processes, started as the train stage starts them."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor
from tripletmine.models.encoders.checkpoints import load_tensors

from ..waiting import PATIENCE_SECONDS


def in_two_processes(
    script: str, folder: Path, names: Iterable[str]
) -> dict[tuple[str, int], dict[str, Tensor]]:
    """(name, rank) → the tensors that the script has left in the file "name rank" of the folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*launcher, script, str(folder)], check=True, timeout=PATIENCE_SECONDS, env=environment)
    return {(name, rank): load_tensors(folder / f"{name} {rank}")[0] for name in names for rank in range(2)}
