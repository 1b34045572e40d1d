"""Open the executor described by the run file's [cluster]."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..runfile.run_spec import ClusterSpec
from .base import RUN_DIRECTORY, Executor, FolderWords
from .serial import SerialExecutor


def require_executor(spec: ClusterSpec) -> None:
    """Raises: ModuleNotFoundError if Dask is needed and not installed."""
    if spec.kind != "serial":
        from . import dask  # noqa: F401


@contextmanager
def open_executor(
    spec: ClusterSpec,
    root: Path,
    note: Callable[[str], None] = lambda _: None,
    words: FolderWords = RUN_DIRECTORY,
) -> Iterator[Executor]:
    """Within the block, the executor that [cluster] asks for.

    root: the run directory, or another folder that every worker must see. note: told remarks for the user, as about a
    refused worker. words: how errors refer to `root`.
    """
    if spec.kind == "serial":
        yield SerialExecutor()
        return
    # Imported here, because Dask takes half a second to import.
    from .dask import dask_executor

    with dask_executor(spec, root, note, words) as executor:
        yield executor
