"""A stage's folder is waiting, begun, committed or pruned, and old results lie aside until the new ones are in."""

from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.stage_folder import StageFolder, set_aside
from tripletmine.pipeline.storage.manifest import Manifest, has_manifest, write_manifest
from tripletmine.pipeline.storage.receipts import Receipt, stamp_files, write_receipt

MINE, TRAIN, TEST = StageRef(1, "mine"), StageRef(1, "train"), StageRef(None, "test")


def commit(root: Path, ref: StageRef, inputs: dict | None = None) -> None:
    write_manifest(ref.folder(root), Manifest(ref.stage, ref.epoch, inputs or {}, (), {}))


def test_committed_stages_lie_aside_until_the_new_ones_are_in(tmp_path: Path) -> None:
    commit(tmp_path, MINE)
    commit(tmp_path, TRAIN)

    assert set_aside(tmp_path, [MINE, TRAIN, TEST]) == [MINE, TRAIN]
    assert not MINE.folder(tmp_path).exists()
    assert has_manifest(MINE.folder(tmp_path / "aside"))

    StageFolder(tmp_path, MINE).tidy()
    assert not MINE.folder(tmp_path / "aside").exists()
    assert has_manifest(TRAIN.folder(tmp_path / "aside"))
    StageFolder(tmp_path, TRAIN).tidy()
    assert not (tmp_path / "aside").exists()


def test_a_stage_that_was_never_committed_is_deleted(tmp_path: Path) -> None:
    (MINE.folder(tmp_path) / "receipts").mkdir(parents=True)
    assert set_aside(tmp_path, [MINE]) == [MINE]
    assert not MINE.folder(tmp_path).exists()
    assert not (tmp_path / "aside").exists()


def test_the_last_complete_result_stays_when_a_redo_is_redone(tmp_path: Path) -> None:
    commit(tmp_path, MINE, {"result": "complete"})
    set_aside(tmp_path, [MINE])
    commit(tmp_path, MINE, {"result": "of the redo that did not end"})

    set_aside(tmp_path, [MINE])

    assert "complete" in (MINE.folder(tmp_path / "aside") / "manifest.json").read_text()
    assert not MINE.folder(tmp_path).exists()


def done(folder: StageFolder, task: str) -> Receipt:
    (folder.path / task).write_text(task)
    receipt = Receipt(task, 1, stamp_files(folder.path, [task]))
    write_receipt(folder.path, receipt)
    return receipt


def test_from_waiting_to_pruned(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, MINE)
    assert (folder.state, folder.claimed, folder.claim(), folder.tasks_done()) == ("waiting", False, None, 0)
    folder.begin({"k": 1})
    receipts = tuple(done(folder, task) for task in ("a", "b"))
    folder.scratch.mkdir()
    assert (folder.state, folder.claimed, folder.claim()) == ("begun", True, {"k": 1})
    assert (folder.tasks_done(), folder.receipts()) == (2, {"a": receipts[0], "b": receipts[1]})
    folder.commit(Manifest("mine", 1, {"k": 1}, receipts, {}))
    folder.tidy()
    assert (folder.state, folder.claimed, folder.tasks_done()) == ("committed", False, 0)
    assert sorted(path.name for path in folder.path.iterdir()) == ["a", "b", "manifest.json"]
    assert folder.prune()
    assert not folder.prune(), "there is nothing left to delete"
    assert folder.state == "pruned"
    assert sorted(path.name for path in folder.path.iterdir()) == ["manifest.json", "pruned.json"]


def test_a_stage_that_is_begun_again_starts_empty(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, MINE)
    folder.begin({"k": 1})
    done(folder, "a")
    folder.begin({"k": 2})
    assert (folder.claim(), folder.receipts()) == ({"k": 2}, {})
    assert not (folder.path / "a").exists()


def test_reopened_before_the_tasks_that_were_lost(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path, MINE)
    folder.begin({"k": 1})
    manifest = Manifest("mine", 1, {"k": 1}, tuple(done(folder, task) for task in ("a", "b")), {})
    folder.commit(manifest)
    folder.tidy()
    folder.reopen(manifest, {"b"})
    assert (folder.state, folder.claim(), list(folder.receipts())) == ("begun", {"k": 1}, ["a"])


@pytest.mark.parametrize("damaged", ["claim", "receipt"])
def test_what_cannot_be_read_of_an_unfinished_stage_is_deleted(tmp_path: Path, damaged: str) -> None:
    folder = StageFolder(tmp_path, MINE)
    folder.begin({"k": 1})
    done(folder, "a")
    path = folder.path / ("inputs.json" if damaged == "claim" else "receipts/a.json")
    path.write_text("{")
    with pytest.raises(CorruptError):
        folder.claim() if damaged == "claim" else folder.receipts()
    folder.tidy_unfinished()
    assert (folder.state, folder.tasks_done()) == ("waiting" if damaged == "claim" else "begun", 0)
