"""The audit, the suspects and the verification of a run's own triplets and files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from present import present
from tripletmine.mining.audit import audit_parts
from tripletmine.pipeline.artifacts.triplets import coded_columns
from tripletmine.pipeline.data.digits import Digits
from tripletmine.pipeline.errors import SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.standalone.audit import audit_folder, list_suspects
from tripletmine.pipeline.standalone.triplet_export import export_triplets
from tripletmine.pipeline.standalone.triplet_folder import open_triplets
from tripletmine.pipeline.storage.manifest import read_manifest

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
    written = export_triplets(MINE.folder(digits_run.root), tmp_path / "t.jsonl", form="jsonl")
    assert written == audit_folder(MINE.folder(digits_run.root), sample=1).triplets.triplets
    assert '{"anchor": "digits/' in (tmp_path / "t.jsonl").read_text().splitlines()[0]


def test_values_are_in_the_order_of_the_data_set(digits_run, tmp_path: Path) -> None:
    """Not in that of the run's rows, which begins with the training split."""
    values = tmp_path / "values.parquet"
    pq.write_table(pa.table({"text": Digits().rows.keys}), values)
    for name, options in (("keys", {}), ("values", {"values": str(values)})):
        export_triplets(MINE.folder(digits_run.root), tmp_path / name, form="jsonl", **options)
    assert (tmp_path / "values").read_bytes() == (tmp_path / "keys").read_bytes()


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
    assert np.array_equal(np.sort(found.mislabelled["row"]), np.sort(listed["row"].to_numpy()))
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
