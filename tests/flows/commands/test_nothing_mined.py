"""A run whose classes are already apart: what it does, and that the remedies in its messages work."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.flows.cli import app
from tripletmine.pipeline.run.progress import Silent
from typer.testing import CliRunner, Result

RUN_FILE = """
[run]
name = "apart"
epochs = {epochs}
deterministic = true

[data]
kind = "arrays"
path = "vectors.npz"

[encoder]
name = "mlp"
embedding_dim = 8

[graph]
method = "exact"
neighbours = 20

[train]
batches = "{batches}"
classes_per_batch = 4
images_per_class = 4
images_per_epoch = 64
"""


def run_file(folder: Path, *, batches: str = "neighbourhood", **settings: Any) -> Path:
    generator = np.random.default_rng(0)
    labels = np.arange(240) % 12
    vectors = np.eye(16)[labels] + 1e-3 * generator.normal(size=(240, 16))
    if not (folder / "vectors.npz").exists():
        np.savez(folder / "vectors.npz", vectors=vectors, labels=labels)
    path = folder / "apart.toml"
    path.write_text(RUN_FILE.format(batches=batches, **{"epochs": 3, **settings}))
    return path


def command(path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["run", str(path), "--no-prefect", *options])


def test_where_nothing_is_left_to_mine_the_run_goes_on_and_says_so(tmp_path: Path) -> None:
    notes: list[str] = []

    class Told(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    path = run_file(tmp_path)
    assert tm.run(str(path), executor="serial", progress=Told()).finished
    assert notes[-1].startswith("epoch 2 mined no triplet:")


@pytest.mark.parametrize(
    ("said", "changes", "options"),
    [
        ("run.epochs = 2, or", {"batches": "triplets", "epochs": 2}, ()),
        ('set train.batches = "neighbourhood" and', {}, ("--from-stage", "train", "--epoch", "0")),
    ],
)
def test_each_remedy_for_too_few_stored_triplets_works(
    tmp_path: Path, said: str, changes: dict[str, Any], options: tuple[str, ...]
) -> None:
    result = command(run_file(tmp_path, batches="triplets"))
    assert result.exit_code == 1, result.output
    output = " ".join(result.output.split())
    assert "epochs/0002/mine has 0 triplets" in output
    assert said in output
    assert " ".join(options) in output

    result = command(run_file(tmp_path, **changes), *options)
    assert result.exit_code == 0, result.output
