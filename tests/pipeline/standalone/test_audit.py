"""The audit, the suspects and the verification of a run's own triplets and files."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tripletmine as tm
from present import present
from sklearn.datasets import load_digits
from tripletmine.flows.cli import app
from tripletmine.mining.audit.check import audit_parts
from tripletmine.mining.graphs.exact import index as exact
from tripletmine.mining.neighbours import NeighbourTable
from tripletmine.pipeline.artifacts.neighbours import (
    create_neighbours,
    read_some_neighbours,
    write_neighbours,
)
from tripletmine.pipeline.artifacts.triplets import coded_columns
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.errors import CorruptError, SpecError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.standalone.audit import audit_folder, list_suspects
from tripletmine.pipeline.standalone.triplet_export import export_triplets
from tripletmine.pipeline.standalone.triplet_folder import open_triplets
from tripletmine.pipeline.storage.manifest import read_manifest
from typer.testing import CliRunner

from ..runs import finish, small_spec

MINE = StageRef(1, "mine")


def test_the_mined_triplets_of_a_run_hold(digits_run) -> None:
    found = audit_folder(MINE.folder(digits_run.root))
    assert found.triplets.ok
    assert (
        found.triplets.triplets
        == present(read_manifest(MINE.folder(digits_run.root))).report["counts"]["triplets"]
    )
    assert found.recall is not None
    assert found.recall >= 0.99


def test_a_sample_is_spread_over_the_parts(digits_run) -> None:
    source = open_triplets(MINE.folder(digits_run.root))
    anchors = sum(len(np.unique(pq.read_table(path)["anchor"])) for path in source.files)
    parts = [coded_columns(path, source.labels) for path in source.files]
    report = audit_parts(
        parts, source.labels, source.vectors(), source.rule, sample=50, anchors=anchors, seed=1
    )
    assert report.ok
    assert 50 <= report.checked < report.triplets
    assert report.anchors == anchors


def test_keys_of_the_run_name_the_exported_rows(digits_run, tmp_path: Path) -> None:
    written = export_triplets(MINE.folder(digits_run.root), tmp_path / "t.jsonl")
    assert written.rows == audit_folder(MINE.folder(digits_run.root), sample=1).triplets.triplets
    assert '{"anchor": "digits/' in (tmp_path / "t.jsonl").read_text().splitlines()[0]


def test_values_are_in_the_order_of_the_data_set(digits_run, tmp_path: Path) -> None:
    """Not in the order of the run's rows, which begins with the training split."""
    values = tmp_path / "values.parquet"
    pq.write_table(pa.table({"text": Digits().rows.keys}), values)
    for name, given in (("keys.jsonl", None), ("values.jsonl", str(values))):
        export_triplets(MINE.folder(digits_run.root), tmp_path / name, values=given)
    assert (tmp_path / "values.jsonl").read_bytes() == (tmp_path / "keys.jsonl").read_bytes()


def test_suspects_are_left_out_of_mining_when_asked(digits_run, tmp_path: Path) -> None:
    spec = small_spec(tmp_path, mine={"exclude_suspects": 0.5})
    finish(spec)
    listed = pq.read_table(MINE.folder(spec.root) / "mislabelled.parquet")
    assert listed.num_rows > 0
    source = open_triplets(MINE.folder(spec.root))
    used = {
        row
        for path in source.files
        for role in ("anchor", "positive", "negative")
        for row in pq.read_table(path)[role].to_pylist()
    }
    assert not used & set(listed["row"].to_pylist())
    found = list_suspects(MINE.folder(spec.root), tmp_path / "suspects")
    assert list(found) == ["mislabelled.parquet", "false_negatives.parquet"]
    rows = pq.read_table(tmp_path / "suspects/mislabelled.parquet")["row"]
    assert len(rows) == found["mislabelled.parquet"]
    assert np.array_equal(np.sort(rows.to_numpy()), np.sort(listed["row"].to_numpy()))
    before = audit_folder(MINE.folder(digits_run.root), sample=1).triplets.coverage
    assert audit_folder(MINE.folder(spec.root)).triplets.coverage <= before


def test_verify_reads_every_file_and_names_what_is_damaged(copied_run) -> None:
    spec = copied_run()
    assert [stage.problems for stage in verify_run(spec.root) if stage.problems] == []
    files = sum(stage.files for stage in verify_run(spec.root))
    assert files > 40

    part = MINE.folder(spec.root) / "triplets" / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    (StageRef(1, "graph").folder(spec.root) / "index-001.bin").unlink(missing_ok=True)
    chunk = StageRef(1, "embed").folder(spec.root) / "embeddings.zarr" / "c" / "0" / "0"
    chunk.unlink()
    problems = [problem for stage in verify_run(spec.root) for problem in stage.problems]
    assert any(
        "part-00000.parquet differs" in problem and "--from-stage mine --epoch 1" in problem
        for problem in problems
    )
    assert any(
        "c/0/0 is gone" in problem and "--from-stage embed --epoch 1" in problem for problem in problems
    )


def test_an_epoch_without_mining_has_nothing_to_audit(digits_run) -> None:
    with pytest.raises(SpecError, match="holds no mined triplets"):
        audit_folder(StageRef(0, "train").folder(digits_run.root))


@pytest.fixture
def mined(tmp_path: Path) -> Path:
    """A folder of triplets, 600 digits and 20 neighbours in two chunks."""
    pixels, labels = load_digits(return_X_y=True)
    np.savez(tmp_path / "digits.npz", embeddings=np.asarray(pixels)[:600], labels=np.asarray(labels)[:600])
    tm.mine_files(
        tmp_path / "digits.npz", None, tmp_path / "out", neighbours=20, normalise=True, chunk_rows=400
    )
    return tmp_path / "out"


@pytest.mark.parametrize(
    "lost", ["neighbours.zarr", "neighbours.zarr/ids", "neighbours.zarr/sq_distances/c/1/0"]
)
def test_a_neighbour_table_that_is_gone_is_not_taken_for_a_good_one(
    lost: str, mined: Path, tmp_path: Path
) -> None:
    path = mined / lost
    path.unlink() if path.is_file() else shutil.rmtree(path)
    with pytest.raises(
        CorruptError, match=r"neighbours\.zarr.*: mine again, or leave the table out with --recall-sample 0"
    ):
        audit_folder(mined)
    with pytest.raises(CorruptError, match=r"neighbours\.zarr.*: mine again"):
        list_suspects(mined, tmp_path / "suspects")
    found = audit_folder(mined, recall_sample=0)
    assert (found.ok, found.recall) == (True, None)


def test_a_table_that_the_run_pruned_is_said(copied_run) -> None:
    spec = copied_run()
    assert StageFolder(spec.root, StageRef(1, "graph")).prune()
    said: list[str] = []
    found = audit_folder(MINE.folder(spec.root), note=said.append)
    assert (found.ok, found.recall) == (True, None)
    assert any("the neighbour table is not checked: run.keep.graph" in text for text in said)
    with pytest.raises(UnavailableError, match=r"no epoch of .* has all files of mine and embed and graph"):
        audit_folder(spec.root)


def test_lines_that_are_not_what_the_embeddings_say_are_counted(mined: Path) -> None:
    table = read_some_neighbours(mined / "neighbours.zarr", np.arange(600))
    table.ids[[5, 450], 3] = table.ids[[5, 450], 4]
    written_again(mined, table)
    found = audit_folder(mined)
    assert (found.ok, found.untrue, found.triplets.ok) == (False, 2, True)
    result = CliRunner().invoke(app, ["audit", str(mined)])
    assert result.exit_code == 1
    assert "2 of 600 lines of the neighbour table are not what the embeddings say" in result.stderr


def test_a_recall_below_its_target_is_said(mined: Path) -> None:
    """For a table that lacks the nearest neighbour of each row, and is true otherwise."""
    vectors = open_triplets(mined).vectors()
    every = np.arange(600, dtype=np.int64)
    found = exact.build(vectors).search(vectors, query_ids=every, neighbours=21, threads=1)
    written_again(mined, NeighbourTable(found.ids[:, 1:].copy(), found.sq_distances[:, 1:].copy()))
    audit = audit_folder(mined)
    assert audit.ok
    assert audit.short
    assert present(audit.recall) == pytest.approx(0.95, abs=0.001)
    page = CliRunner().invoke(app, ["audit", str(mined)]).stdout
    assert "recall of the neighbour table on 600 rows: 0.95" in page
    assert "below its target of 0.99" in page


def written_again(folder: Path, table: NeighbourTable) -> None:
    create_neighbours(folder, rows=len(table), neighbours=table.neighbours, chunk_rows=400)
    for start in (0, 400):
        part = slice(start, start + 400)
        write_neighbours(folder, start, NeighbourTable(table.ids[part], table.sq_distances[part]))
