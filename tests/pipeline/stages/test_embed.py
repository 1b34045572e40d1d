"""How embeddings are stored."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from tripletmine.pipeline.artifacts.embeddings import read_embeddings, read_some_embeddings
from tripletmine.pipeline.artifacts.neighbours import read_neighbours
from tripletmine.pipeline.errors import DataError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.runfile.load import parse_spec
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.standalone.audit import audit_folder
from tripletmine.pipeline.storage.committed import Committed
from tripletmine.pipeline.storage.manifest import read_manifest

from ..runs import finish


def given(base: Path, *, scale: float = 1.0, normalise: bool = False, dtype: str = "float16") -> RunSpec:
    """A run over 200 given vectors of ten classes."""
    generator = np.random.default_rng(2)
    codes = np.arange(200) % 10
    vectors = generator.normal(size=(10, 6))[codes] + 0.5 * generator.normal(size=(200, 6))
    base.mkdir(exist_ok=True)
    np.savez(base / "given.npz", vectors=(scale * vectors).astype(np.float32), labels=codes)
    return parse_spec(
        {
            "data": {"kind": "arrays", "path": "given.npz"},
            "encoder": {"name": "identity", "embedding_dim": 6, "normalise": normalise},
            "embed": {"dtype": dtype, "chunk_rows": 50},
            "graph": {"neighbours": 20},
            "evaluate": {"nmi": False},
        },
        base=base,
    )


def stage(root: Path, name: str) -> Committed:
    folder = StageRef(0, name).folder(root)
    manifest = read_manifest(folder)
    assert manifest is not None
    return Committed(folder, manifest)


def test_float16_is_what_is_kept_searched_and_mined(tmp_path: Path) -> None:
    halves, singles = given(tmp_path / "halves"), given(tmp_path / "singles", dtype="float32")
    finish(halves)
    finish(singles)
    kept = np.asarray(
        zarr.open_array(str(stage(halves.root, "embed").folder / "embeddings.zarr"), mode="r")[:]
    )
    whole = read_embeddings(stage(singles.root, "embed"), 0, kept.shape[0])
    assert kept.dtype == np.float16
    np.testing.assert_array_equal(kept, whole.astype(np.float16))

    vectors = read_embeddings(stage(halves.root, "embed"), 0, len(whole))
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, kept.astype(np.float32))
    some = np.array([3, 60, 61, 120])
    np.testing.assert_array_equal(read_some_embeddings(stage(halves.root, "embed"), some), vectors[some])

    table = read_neighbours(stage(halves.root, "graph"), 0, len(vectors))
    sq = ((vectors[table.ids] - vectors[:, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(table.sq_distances, sq, rtol=1e-6)
    assert (((whole[table.ids] - whole[:, None]) ** 2).sum(axis=2) != table.sq_distances).any()
    assert audit_folder(halves.root).ok


@pytest.mark.parametrize("remedy", [{"dtype": "float32"}, {"normalise": True}])
def test_what_float16_cannot_hold_is_refused(tmp_path: Path, remedy: dict) -> None:
    with pytest.raises(
        DataError, match=r"of rows \d+ to \d+ have embeddings beyond 65504, .*: set embed\.dtype"
    ) as found:
        finish(given(tmp_path / "refused", scale=1e5))
    assert "or encoder.normalise = true" in str(found.value)
    finish(given(tmp_path / "mended", scale=1e5, **remedy))
