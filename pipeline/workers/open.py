"""From the run file's [cluster] to an executor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..runfile.run_spec import ClusterSpec
from .base import RUN_DIRECTORY, Executor, FolderWords
from .serial import SerialExecutor


def require_executor(spec: ClusterSpec) -> None:
    """Raises: ModuleNotFoundError where Dask is needed and not installed."""
    if spec.kind != "serial":
        from . import dask  # noqa: F401


@contextmanager
def open_executor(
    spec: ClusterSpec,
    root: Path,
    note: Callable[[str], None] = lambda _: None,
    words: FolderWords = RUN_DIRECTORY,
) -> Iterator[Executor]:
    """The executor that [cluster] asks for, for as long as the block lasts.

    root: the run directory, or another folder, which every worker must see. note: told what a person would want to
    know, as of a worker that was refused. words: what errors call `root`.
    """
    if spec.kind == "serial":
        yield SerialExecutor()
        return
    # Dask takes half a second to import, and a laptop needs none of it.
    from .dask import dask_executor

    with dask_executor(spec, root, note, words) as executor:
        yield executor
