"""A real Prefect server, started once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from tripletmine.flows.cli import app
from typer.testing import CliRunner

from ..waiting import PATIENCE_SECONDS
from .processes import Holder, start_holder

TINY = """
[run]
name = "tiny"
epochs = 2
deterministic = true

[data]
kind = "arrays"
path = "trees.npz"

[encoder]
name = "mlp"
embedding_dim = 8

[graph]
neighbours = 30

[train]
classes_per_batch = 3
images_per_class = 8
"""


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Holder]:
    """A private server that runs as long as the tests of this folder."""
    holder = start_holder(tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("home"))
    servers = holder.servers
    try:
        yield holder
    finally:
        assert holder.end() == 0
        assert not psutil.wait_procs(servers, PATIENCE_SECONDS)[1]


def write_run(folder: Path) -> Path:
    """A run that takes seconds: vectors of three classes, one warm-up epoch and one that mines."""
    generator = np.random.default_rng(0)
    labels = np.repeat(["ash", "elm", "oak"], 60)
    centres = np.repeat(generator.normal(size=(3, 8)), 60, axis=0)
    np.savez(folder / "trees.npz", vectors=centres + generator.normal(size=(180, 8)), labels=labels)
    path = folder / "tiny.toml"
    path.write_text(TINY)
    return path


def grow(run_file: Path) -> None:
    """Add four rows of each class to the data."""
    held = dict(np.load(run_file.parent / "trees.npz"))
    vectors, labels = (np.concatenate([held[name], held[name][::15]]) for name in ("vectors", "labels"))
    np.savez(run_file.parent / "new.npz", vectors=vectors, labels=labels)
    (run_file.parent / "new.npz").replace(run_file.parent / "trees.npz")


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    """The run file of a run that has not begun."""
    return write_run(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run file of a run that is finished. Tests only read it."""
    path = write_run(tmp_path_factory.mktemp("finished"))
    result = CliRunner().invoke(app, ["run", str(path), "--no-prefect"])
    assert result.exit_code == 0, result.output
    return path
