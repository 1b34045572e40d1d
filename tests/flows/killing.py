"""A user's own encoder that kills the private Prefect server of its run.

Copied beside the run file; it does so when it is built in the warm-up epoch, when the run and the epoch have begun.
"""

import psutil
from torch import nn


def build(input_shape: tuple[int, ...], embedding_dim: int) -> nn.Module:
    """The factory that the run file names."""
    for child in psutil.Process().children():
        if "tripletmine.flows.prefect_server.child" in child.cmdline():
            child.kill()
            child.wait(10)
    return nn.Linear(input_shape[0], embedding_dim)
