"""One small real run on digits, which the tests of this folder look at or continue in copies."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tripletmine.pipeline.run.runner import StageResult
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ..forked import use_server
from .runs import finish, small_spec


@dataclass(frozen=True)
class Finished:
    """A run that ended undisturbed. Change only copies of it."""

    spec: RunSpec
    results: list[StageResult]

    @property
    def root(self) -> Path:
        """Its directory."""
        return self.spec.root


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The small run, finished."""
    spec = small_spec(tmp_path_factory.mktemp("undisturbed"))
    return Finished(spec, finish(spec))


@pytest.fixture
def copied_run(digits_run: Finished, tmp_path: Path) -> Callable[..., RunSpec]:
    """Copy the finished run; the spec of the copy takes changes as `small_spec` does."""

    def copy(**changes: dict) -> RunSpec:
        spec = small_spec(tmp_path, **changes)
        shutil.copytree(digits_run.root, spec.root)
        return spec

    return copy


@pytest.fixture
def forked_workers() -> Iterator[None]:
    """Dask workers that a run starts itself are forked from a process that has imported what they import."""
    import dask.config
    import distributed  # noqa: F401 — it has settings of its own

    use_server()
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        yield
