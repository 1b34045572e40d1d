"""The table of mined rows for embedding-atlas and FiftyOne, against the triplets and suspects themselves."""

import io
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from PIL import Image
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.report import atlas
from tripletmine.pipeline.report.atlas import write_atlas

from ..conftest import Finished
from .test_folder_pages import ROWS, mined, swapped, vectors_of


def test_the_rows_of_a_folder_with_their_triplets_suspects_and_neighbours(tmp_path: Path) -> None:
    labels, wrong = swapped()
    keys = [f"k{row}" for row in range(ROWS)]
    folder = mined(tmp_path, labels, keys)
    assert write_atlas(folder, tmp_path / "rows.parquet") == ROWS
    found = pq.read_table(tmp_path / "rows.parquet").to_pydict()
    assert (found["key"], found["label"]) == (keys, labels)

    triplets = tm.read_triplets(folder).columns
    assert found["triplets"] == np.bincount(triplets["anchor"], minlength=ROWS).tolist()
    for row in range(ROWS):
        own = triplets["anchor"] == row
        if not own.any():
            assert found["hardest_negative"][row] is found["hardest_sq"][row] is None
            continue
        sq = triplets["sq_negative"][own]
        nearest = set(triplets["negative"][own][sq == sq.min()].tolist())
        assert found["hardest_negative"][row] in {f"k{other}" for other in nearest}
        assert found["hardest_sq"][row] == sq.min()

    vectors = vectors_of(np.arange(ROWS) % 12)
    suspects = tm.suspects(vectors, labels)
    expected = dict(
        zip(suspects.mislabelled["row"].tolist(), suspects.mislabelled["score"].tolist(), strict=True)
    )
    assert set(expected) >= set(wrong[:3])
    assert {row: score for row, score in enumerate(found["suspect"]) if score is not None} == pytest.approx(
        expected
    )
    np.testing.assert_allclose(np.array(found["vector"]), vectors, atol=1e-6)
    line = found["neighbors"][5]
    distances = np.linalg.norm(vectors[line["ids"]] - vectors[5], axis=1)
    np.testing.assert_allclose(line["distances"], distances, atol=1e-4)
    assert 5 not in line["ids"]


def test_a_run_gives_pictures_and_says_what_was_pruned(digits_run: Finished, tmp_path: Path) -> None:
    said: list[str] = []
    rows = write_atlas(digits_run.root, tmp_path / "rows.parquet", note=said.append)
    table = pq.read_table(tmp_path / "rows.parquet")
    assert rows == len(table) == open_record(digits_run.root)[1].train
    with Image.open(io.BytesIO(table["image"][0].as_py()["bytes"])) as picture:
        assert picture.size == (8, 8)
    assert "neighbors" in table.column_names

    shutil.copytree(digits_run.root, tmp_path / "run")
    for epoch in range(4):
        folder = StageFolder(tmp_path / "run", StageRef(epoch, "embed"))
        if folder.committed and not folder.pruned:
            folder.prune()
    write_atlas(tmp_path / "run", tmp_path / "less.parquet", images=False, note=said.append)
    less = pq.read_table(tmp_path / "less.parquet").column_names
    assert not {"vector", "x", "image"} & set(less)
    assert "triplets" in less
    assert any(line.startswith("not in the table: vectors: ") for line in said)


def test_of_many_rows_evenly_spread_ones_without_neighbours(tmp_path: Path, monkeypatch) -> None:
    folder = mined(tmp_path, swapped()[0])
    monkeypatch.setattr(atlas, "ROWS", 50)
    said: list[str] = []
    assert write_atlas(folder, tmp_path / "rows.parquet", note=said.append) == 50
    table = pq.read_table(tmp_path / "rows.parquet")
    assert "neighbors" not in table.column_names
    assert pa.types.is_fixed_size_list(table.schema.field("vector").type)
    assert said[-1] == "50 of 240 rows, evenly spread"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").touch()
    with pytest.raises(SpecError, match="exists already: choose another name, or remove it"):
        write_atlas(mined(tmp_path, swapped()[0]), tmp_path / "rows.parquet")
