"""From the run file's [cluster] to an executor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..runfile.run_spec import ClusterSpec
from .base import Executor
from .serial import SerialExecutor


@contextmanager
def open_executor(spec: ClusterSpec, root: Path) -> Iterator[Executor]:
    """The executor that [cluster] asks for, for as long as the block lasts.

    root: the run directory, which every worker must see.
    """
    if spec.kind == "serial":
        yield SerialExecutor()
        return
    # Dask takes half a second to import, and a laptop needs none of it.
    from .dask import dask_executor

    with dask_executor(spec, root) as executor:
        yield executor
