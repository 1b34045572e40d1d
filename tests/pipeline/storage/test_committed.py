from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError, UnavailableError
from tripletmine.pipeline.storage.committed import PRUNED, Committed, committed
from tripletmine.pipeline.storage.manifest import Manifest, write_manifest
from tripletmine.pipeline.storage.publish import publish_bytes
from tripletmine.pipeline.storage.receipts import Receipt, stamp_files


@pytest.fixture
def stage(tmp_path: Path) -> Committed:
    """A committed stage of one file."""
    publish_bytes(tmp_path / "graph" / "table.bin", b"0123456789")
    files = stamp_files(tmp_path / "graph", ["table.bin"])
    manifest = Manifest("graph", 7, {"keys": 1}, (Receipt("rows", 1, files),), {})
    write_manifest(tmp_path / "graph", manifest)
    return committed(tmp_path / "graph", manifest.digest)


def test_a_file_that_is_as_its_receipt_says(stage: Committed) -> None:
    assert stage.checked("table.bin") == stage.folder / "table.bin"


@pytest.mark.parametrize("content", [b"", b"012345678", b"01234567890", b"0123456780"])
def test_another_content_is_refused_though_it_was_good_before(stage: Committed, content: bytes) -> None:
    stage.checked("table.bin")
    stage.folder.joinpath("table.bin").write_bytes(content)

    with pytest.raises(CorruptError, match=r"table\.bin differs .*--from-stage graph --epoch 7"):
        stage.checked("table.bin")


def test_a_file_that_is_gone(stage: Committed) -> None:
    stage.folder.joinpath("table.bin").unlink()
    with pytest.raises(CorruptError, match=r"table\.bin is gone: redo it with --from-stage graph --epoch 7"):
        stage.checked("table.bin")


def test_a_file_that_was_pruned_is_no_damage(stage: Committed) -> None:
    assert not stage.pruned
    stage.folder.joinpath("table.bin").unlink()
    stage.folder.joinpath(PRUNED).touch()

    assert stage.pruned
    with pytest.raises(
        UnavailableError, match=r"was pruned \(run\.keep\): take .* and redo it with --from-stage graph"
    ):
        stage.checked("table.bin")


def test_a_stage_that_was_set_aside_under_a_readers_eyes_is_no_damage(stage: Committed) -> None:
    stage.folder.rename(stage.folder.with_name("aside"))
    with pytest.raises(UnavailableError, match=r"table\.bin was set aside meanwhile: .* ask again later"):
        stage.checked("table.bin")


def test_a_file_that_no_task_wrote(stage: Committed) -> None:
    publish_bytes(stage.folder / "foreign.bin", b"")
    with pytest.raises(CorruptError, match=r"foreign\.bin is in no receipt"):
        stage.checked("foreign.bin")


def test_the_test_stage_belongs_to_no_epoch(tmp_path: Path) -> None:
    assert Committed(tmp_path, Manifest("test", None, {}, (), {})).remedy == "redo it with --from-stage test"


def test_a_stage_that_was_replaced_is_refused(stage: Committed) -> None:
    with pytest.raises(CorruptError, match="was replaced while it was being read: start the run again"):
        committed(stage.folder, "another digest")


def test_a_stage_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="was replaced"):
        committed(tmp_path, "digest")
