import json
import shutil
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError, StaleError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.run.repair import repair_run
from tripletmine.pipeline.run.runner import StageResult
from tripletmine.pipeline.run.verify import verify_run
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.manifest import read_manifest
from tripletmine.pipeline.storage.sealed import publish_sealed
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded, artifacts, finish, small_spec

EMBED, GRAPH, MINE, TRAIN = (StageRef(1, name) for name in ("embed", "graph", "mine", "train"))


def repaired(spec: RunSpec) -> dict[StageRef, StageResult]:
    with open_run(spec, repair=True) as run:
        return {result.ref: result for result in repair_run(run, SerialExecutor(), Recorded())}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def problems(spec: RunSpec) -> list[str]:
    return [problem for stage in verify_run(spec.root) for problem in stage.problems]


def test_of_a_sound_run_nothing_is_computed(copied_run) -> None:
    assert repaired(copied_run()) == {}


def test_one_chunk_costs_one_task_and_nothing_that_follows(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    flip(EMBED.folder(spec.root) / "embeddings.zarr" / "c" / "3" / "0")
    found = repaired(spec)
    assert {ref: result.tasks_run for ref, result in found.items()} == {EMBED: 1}
    assert artifacts(spec.root) == before


def test_what_came_of_private_files_costs_the_tasks_that_wrote_them(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    flip(MINE.folder(spec.root) / "confusion.parquet")
    (result,) = repaired(spec).values()
    assert (result.ref, result.tasks_kept) == (MINE, 0)
    assert artifacts(spec.root) == before


def test_a_damaged_manifest_costs_its_stage(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    flip(GRAPH.folder(spec.root) / "manifest.json")
    assert list(repaired(spec)) == [GRAPH]
    assert artifacts(spec.root) == before


@pytest.mark.parametrize(
    "ref", [StageRef(0, "evaluate"), GRAPH, StageRef(1, "evaluate"), StageRef(None, "test")]
)
def test_a_stage_without_its_manifest_is_done_again_where_others_follow(copied_run, ref: StageRef) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    (ref.folder(spec.root) / "manifest.json").unlink()
    last = ref == StageRef(None, "test")
    assert list(repaired(spec)) == ([] if last else [ref])
    if last:
        return  # a run that was broken off before its test looks like this
    assert artifacts(spec.root) == before


def test_without_determinism_all_that_follows_is_redone(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, run={"deterministic": False})
    finish(spec)
    flip(MINE.folder(spec.root) / "confusion.parquet")
    assert list(repaired(spec)) == [MINE, TRAIN, StageRef(1, "evaluate"), StageRef(None, "test")]
    assert problems(spec) == []
    assert not (spec.root / "aside").exists()


def test_a_stage_whose_parents_are_gone_is_left_as_it_is(copied_run) -> None:
    spec = copied_run()
    flip(GRAPH.folder(spec.root) / "neighbours.zarr" / "ids" / "c" / "0" / "0")
    (EMBED.folder(spec.root) / "pruned.json").write_text("{}")
    before = artifacts(spec.root)
    with pytest.raises(UnavailableError, match=r"begin with --from-stage embed --epoch 1 instead"):
        repaired(spec)
    assert artifacts(spec.root) == before


def test_the_runs_own_files_are_written_again(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    flip(spec.root / "rows.parquet")
    flip(spec.root / "run.json")
    assert repaired(spec) == {}
    assert artifacts(spec.root) == before
    assert problems(spec) == []


def test_the_run_file_of_another_run_costs_no_rows(copied_run, tmp_path: Path) -> None:
    """It is intact, so the user must say which run this is; the rows are not touched before that."""
    spec = copied_run()
    before = artifacts(spec.root)
    other = small_spec(tmp_path / "other", run={"seed": 1})
    with open_run(other):
        shutil.copyfile(other.root / "run.json", spec.root / "run.json")
    with pytest.raises(CorruptError, match=r"rows\.parquet is not what run\.json says"):
        problems(spec)
    with pytest.raises(StaleError, match=r"\[data\] of the run in .* changed: it was .*\"seed\": 1"):
        repaired(spec)
    assert artifacts(spec.root) == before
    (spec.root / "run.json").unlink()
    assert repaired(spec) == {}
    assert artifacts(spec.root) == before


def test_receipts_of_a_stage_that_was_broken_off_are_removed(copied_run) -> None:
    spec = copied_run()
    folder = StageRef(None, "test").folder(spec.root)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    publish_sealed(folder / "inputs.json", manifest["inputs"])
    (folder / "manifest.json").unlink()
    (folder / "receipts").mkdir()
    (folder / "receipts" / "test-00000.json").write_text("{")
    assert len(problems(spec)) == 1
    assert repaired(spec) == {}
    assert problems(spec) == []


def test_a_claim_that_was_damaged_is_found_and_its_stage_removed(copied_run) -> None:
    """One flipped bit makes another digit of a digit: it is still valid JSON."""
    spec = copied_run()
    folder = StageRef(None, "test").folder(spec.root)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    publish_sealed(folder / "inputs.json", manifest["inputs"])
    (folder / "manifest.json").unlink()
    claim = folder / "inputs.json"
    claim.write_text(claim.read_text().replace('"schema": 1', '"schema": 3'))
    assert problems(spec) == [f"{claim} is damaged: redo test with --from-stage test"]
    assert repaired(spec) == {}
    assert not folder.exists()


def test_each_manifest_is_read_once(copied_run, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = copied_run()
    read: list[Path] = []
    monkeypatch.setattr(
        "tripletmine.pipeline.plan.refs.read_manifest",
        lambda folder, remedy: read.append(folder) or read_manifest(folder, remedy),
    )
    assert problems(spec) == []
    assert sorted(read) == sorted(path.parent for path in spec.root.rglob("manifest.json"))


def test_a_stage_made_from_something_else_is_found(copied_run, tmp_path: Path) -> None:
    """Every file of the stage matches its receipts, but the stage as a whole is another run's."""
    spec = copied_run()
    other = small_spec(tmp_path / "other", run={"seed": 1})
    finish(other)
    shutil.rmtree(EMBED.folder(spec.root))
    shutil.copytree(EMBED.folder(other.root), EMBED.folder(spec.root))
    assert any("is not what graph of epoch 1 was made from" in problem for problem in problems(spec))
