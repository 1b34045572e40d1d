import json
import os
from pathlib import Path

import pytest
from tripletmine.pipeline.storage.publish import (
    publish_bytes,
    publish_json,
    published,
    remove_partials,
    remove_tree,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Crash(Exception):
    """Ends a writer in the middle of a file."""


def crash_while_writing(path: Path, content: bytes) -> None:
    with published(path) as partial:
        partial.write_bytes(content)
        raise Crash


def test_a_published_file_has_its_whole_content_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    publish_bytes(tmp_path / "deep" / "er" / "file.bin", b"all of it")

    assert (tmp_path / "deep" / "er" / "file.bin").read_bytes() == b"all of it"
    assert names(tmp_path / "deep" / "er") == ["file.bin"]


def test_the_final_name_appears_only_after_the_block(tmp_path: Path) -> None:
    final = tmp_path / "file.bin"
    with published(final) as partial:
        partial.write_bytes(b"first half")
        assert not final.exists()
        assert partial.parent == final.parent, "a rename is atomic only within a file system"
    assert final.exists()


def test_a_crash_before_the_rename_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Crash):
        crash_while_writing(tmp_path / "file.bin", b"half")

    assert names(tmp_path) == []


def test_a_crash_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    publish_bytes(tmp_path / "file.bin", b"old")
    with pytest.raises(Crash):
        crash_while_writing(tmp_path / "file.bin", b"new, but only ha")

    assert (tmp_path / "file.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["file.bin"]


def test_the_content_is_forced_to_disk_before_the_rename_and_the_name_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "file.bin"
    synced = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink(), final.exists()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    with published(final) as partial:
        partial.write_bytes(b"content")

    assert synced == [(partial, False), (tmp_path, True)]


def test_two_publishers_of_one_file_do_not_write_into_one_anothers(tmp_path: Path) -> None:
    final = tmp_path / "file.bin"
    with published(final) as first:
        first.write_bytes(b"from the first")
        with published(final) as second:
            assert second != first
            second.write_bytes(b"from the second")
        assert final.read_bytes() == b"from the second"
    assert final.read_bytes() == b"from the first", "whoever renames last wins, whole"
    assert names(tmp_path) == ["file.bin"]


def test_json_gives_the_same_bytes_whatever_the_order_of_keys(tmp_path: Path) -> None:
    publish_json(tmp_path / "one.json", {"b": 1, "a": [1, 2]})
    publish_json(tmp_path / "other.json", {"a": [1, 2], "b": 1})

    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_bytes()) == {"a": [1, 2], "b": 1}


def test_json_refuses_nan_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        publish_json(tmp_path / "file.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    block = published(tmp_path / "folder" / "file.bin")
    killed = block.__enter__()  # a killed process never leaves its block
    killed.write_bytes(b"half")
    zarr = tmp_path / "folder" / "c" / "0" / "0.5b2ff1.partial"
    zarr.parent.mkdir(parents=True)
    zarr.write_bytes(b"half")
    removed = tmp_path / "folder" / ".receipts.removed-17"
    (removed / "inner").mkdir(parents=True)
    (removed / "inner" / "file").touch()
    publish_bytes(tmp_path / "folder" / "kept.bin", b"whole")

    remove_partials(tmp_path)

    assert names(tmp_path / "folder") == ["c", "kept.bin"]
    assert names(tmp_path / "folder" / "c" / "0") == []


def test_remove_tree_leaves_nothing_behind(tmp_path: Path) -> None:
    publish_bytes(tmp_path / "tree" / "a" / "b", b"1")
    remove_tree(tmp_path / "tree")
    remove_tree(tmp_path / "tree")  # nothing there: nothing to do
    assert names(tmp_path) == []


def test_remove_tree_ends_what_a_crash_left_of_an_earlier_removal(tmp_path: Path) -> None:
    """In a container every process has the same id, so the leftover has the name that is wanted now."""
    leftover = tmp_path / f".tree.removed-{os.getpid()}"
    publish_bytes(leftover / "a", b"old")
    publish_bytes(tmp_path / "tree" / "a", b"new")

    remove_tree(tmp_path / "tree")

    assert names(tmp_path) == []
