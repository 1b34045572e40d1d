"""Mined triplets are read back from a folder and from a run."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef

from ..conftest import Finished


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mined in three parts; rows have keys."""
    work = tmp_path_factory.mktemp("files")
    random = np.random.default_rng(0)
    vectors = random.standard_normal((90, 4)).astype(np.float32)
    np.save(work / "vectors.npy", vectors)
    lines = [f"item {row},{'abc'[row % 3]}" for row in range(90)]
    (work / "labels.csv").write_text("\n".join(["key,label", *lines]))
    tm.mine_files(work / "vectors.npy", work / "labels.csv", work / "out", normalise=True, chunk_rows=40)
    return work / "out"


def test_a_folder_gives_what_mining_its_arrays_gives(folder: Path) -> None:
    found = tm.read_triplets(folder)
    vectors = np.load(folder.parent / "vectors.npy")
    expected = tm.mine(vectors, ["abc"[row % 3] for row in range(90)], normalise=True)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column, err_msg=name)
        assert found.columns[name].dtype == column.dtype
    assert found.report.counts() == expected.report.counts()
    assert found.rule == expected.rule
    frame = found.to_pandas()
    assert frame.anchor_key.tolist() == [f"item {row}" for row in frame.anchor]
    assert frame.negative_label.tolist() == ["abc"[row % 3] for row in frame.negative]
    assert tm.audit(found, vectors, normalise=True).ok


@pytest.mark.parametrize("as_string", [str, Path])
def test_a_run_gives_its_best_mined_epoch(digits_run: Finished, as_string) -> None:
    mine = StageRef(1, "mine").folder(digits_run.root)
    stored = pq.read_table(mine / "triplets").to_pandas()
    for found in (
        tm.read_triplets(as_string(digits_run.root)),
        tm.read_triplets(as_string(digits_run.root), 1),
        tm.read_triplets(as_string(mine)),
    ):
        frame = found.to_pandas()
        assert len(frame) == len(stored) > 0
        np.testing.assert_array_equal(frame.negative, stored.negative)
        assert frame.anchor_label.astype(str).tolist() == stored.anchor_label.tolist()
        assert frame.anchor_key.str.startswith("digits/").all()


def test_what_has_no_triplets_is_named(digits_run: Finished, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"epoch 9 of .* has no triplets .*epochs with triplets: .*1"):
        tm.read_triplets(digits_run.root, 9)
    with pytest.raises(SpecError, match=r"epoch is 1 but .*out is not a run directory: leave epoch out"):
        tm.read_triplets(folder, 1)
    with pytest.raises(SpecError, match="holds no mined triplets"):
        tm.read_triplets(tmp_path)
    (tmp_path / "run.json").touch()
    with pytest.raises(SpecError, match=r"no epoch of .* has triplets: let the run go on"):
        tm.read_triplets(tmp_path)
