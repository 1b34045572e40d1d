"""encoder.name = "identity": a run that mines and evaluates vectors as they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tripletmine as tm
from tripletmine.pipeline.artifacts.rows import read_rows_table
from tripletmine.pipeline.data.open import open_data
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.export.encoder import export_encoder
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec

from ..runs import artifacts, differences, finish

WIDTH = 12


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 rows of 30 classes."""
    generator = np.random.default_rng(5)
    codes = generator.integers(0, 30, 600)
    rows = (generator.normal(size=(30, WIDTH))[codes] + generator.normal(size=(600, WIDTH))).astype("float32")
    file = tmp_path_factory.mktemp("given") / "vectors.npz"
    np.savez(file, vectors=rows, labels=np.array([f"class {code}" for code in codes]))
    return file


def spec_of(vectors: Path, base: Path, **sections: dict[str, Any]) -> RunSpec:
    keys: dict[str, dict[str, Any]] = {
        "run": {"deterministic": True},
        "data": {"kind": "arrays", "path": str(vectors)},
        "encoder": {"name": "identity", "embedding_dim": WIDTH},
        "embed": {"chunk_rows": 100},
        "graph": {"neighbours": 40, "chunk_rows": 100},
        "mine": {"chunk_rows": 100},
        "evaluate": {"nmi": False},
        **sections,
    }
    return parse_spec(keys, base=base)


def test_triplets_and_figures_are_those_of_the_vectors(vectors: Path, tmp_path: Path) -> None:
    spec = spec_of(vectors, tmp_path)
    stages = [result.ref.stage for result in finish(spec)]
    assert stages == ["embed", "graph", "mine", "evaluate", "test"]

    rows = read_rows_table(spec.root / "rows.parquet")
    keys, labels = np.array(rows.column("key", "train").to_pylist()), rows.labels("train")
    data = open_data(spec.data, tmp_path)
    alone = tm.mine(data.read(rows.sources_at(np.arange(len(keys)))), labels, neighbours=40, normalise=True)
    expected = [
        [str(keys[row]) for row in alone.columns[name]] for name in ("anchor", "positive", "negative")
    ]
    mined = tm.read_triplets(spec.root)
    assert [
        [str(keys[row]) for row in mined.columns[name]] for name in ("anchor", "positive", "negative")
    ] == expected
    assert len(expected[0]) > 500

    found = read_status(spec.root)
    assert found.finished
    assert found.best == 0
    assert 0 < found.epochs[0].validation["recall@1"] < 1
    before = artifacts(spec.root)
    assert all(result.skipped for result in finish(spec))
    assert artifacts(spec.root) == before
    with pytest.raises(SpecError, match="has no encoder to export"):
        export_encoder(spec.root, tmp_path / "encoder")


@pytest.mark.usefixtures("forked_workers")
def test_workers_leave_the_same_bytes(vectors: Path, tmp_path: Path) -> None:
    serial = spec_of(vectors, tmp_path / "serial")
    spread = spec_of(vectors, tmp_path / "spread", cluster={"kind": "local", "workers": 2})
    finish(serial)
    finish(spread)
    assert differences(serial.root, spread.root) == []


def test_a_wrong_width_is_said_before_any_work(vectors: Path, tmp_path: Path) -> None:
    from tripletmine.models.errors import ModelError
    from tripletmine.pipeline.training.trial import try_out

    spec = spec_of(vectors, tmp_path, encoder={"name": "identity", "embedding_dim": 64})
    with (
        open_run(spec) as run,
        pytest.raises(ModelError, match=r"12 wide, but .*embedding_dim is 64: set it to 12"),
    ):
        try_out(spec, run.facts, open_data(spec.data, tmp_path))
