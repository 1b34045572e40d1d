"""What is recorded of each file, and how changes to files are named."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from tripletmine.pipeline.data.base import strings
from tripletmine.pipeline.data.changes import Changes, compare_files
from tripletmine.pipeline.data.marks import FileList, identity_of, mark_files, without_contents
from tripletmine.pipeline.errors import DataError

NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, FileList]:
    for name in NAMES:
        (tmp_path / name).write_text(f"this is {name}")
    return {"": FileList(str(tmp_path), strings(NAMES))}


def touch(files: dict[str, FileList], name: str) -> None:
    path = Path(files[""].folder, name)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))


def replace(files: dict[str, FileList], name: str, text: str) -> None:
    """Write other content with the same modification time."""
    path = Path(files[""].folder, name)
    time = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(time, time))


def test_marks_are_size_time_and_content(files) -> None:
    marks = mark_files(files, hash_content=True).to_pylist()
    status = Path(files[""].folder, "b").stat()
    assert [mark["name"] for mark in marks] == NAMES
    assert marks[1] == {
        "part": "",
        "name": "b",
        "size": 9,
        "changed": str(status.st_mtime_ns),
        "content": sha256(b"this is b").hexdigest(),
    }
    assert mark_files(files, hash_content=False)["content"].null_count == 4


def test_the_identity_is_that_of_earlier_versions(files) -> None:
    marks = mark_files(files, hash_content=True)
    lines = [f"{mark['name']}\0{mark['size']}\0{mark['content']}\n" for mark in marks.to_pylist()]
    assert identity_of(marks) == {
        "files": 4,
        "bytes": 36,
        "by": "content",
        "digest": sha256("".join(lines).encode()).hexdigest(),
    }
    lines = [f"{mark['name']}\0{mark['size']}\0{mark['changed']}\n" for mark in marks.to_pylist()]
    by_time = identity_of(without_contents(marks))
    assert by_time["by"] == "size and time"
    assert by_time["digest"] == sha256("".join(lines).encode()).hexdigest()


def test_a_missing_file_is_named(files) -> None:
    Path(files[""].folder, "c").unlink()
    with pytest.raises(DataError, match="/c does not exist"):
        mark_files(files, hash_content=False)


def test_every_kind_of_change_is_named(files) -> None:
    before = mark_files(files, hash_content=False)
    folder = files[""].folder
    Path(folder, "e").write_text("new")
    replace(files, "b", "another size")
    touch(files, "c")
    now = {"": FileList(folder, strings(["b", "c", "d", "e"]))}
    changes, _ = compare_files(before, mark_files(now, hash_content=False), now)
    assert changes == Changes(added=["e"], removed=["a"], changed=["b"], touched=["c"])
    assert (
        str(changes)
        == "1 file added (e), 1 file removed (a), 1 file changed (b), 1 file with another modification time (c)"
    )
    assert not changes.only_touched


def test_files_that_were_not_touched_keep_their_digests(files) -> None:
    before = mark_files(files, hash_content=True)
    changes, known = compare_files(before, mark_files(files, hash_content=False), files)
    assert not changes
    assert known.equals(before)
    changes, known = compare_files(mark_files(files, hash_content=False), before, files)
    assert not changes
    assert known.equals(before)


def test_a_touched_file_with_the_same_bytes_has_not_changed(files) -> None:
    before = mark_files(files, hash_content=True)
    touch(files, "c")
    marks = mark_files(files, hash_content=False)
    changes, known = compare_files(before, marks, files)
    assert not changes
    assert known["content"].to_pylist() == before["content"].to_pylist()
    assert known["changed"].to_pylist() == marks["changed"].to_pylist()


def test_a_touched_file_with_other_bytes_of_the_same_length_has(files) -> None:
    before = mark_files(files, hash_content=True)
    replace(files, "c", "that is c")
    touch(files, "c")
    changes, _ = compare_files(before, mark_files(files, hash_content=False), files)
    assert changes == Changes(added=[], removed=[], changed=["c"], touched=[])


def test_other_bytes_with_the_same_time_are_found_where_all_are_read(files) -> None:
    before = mark_files(files, hash_content=True)
    replace(files, "c", "that is c")
    assert not compare_files(before, mark_files(files, hash_content=False), files)[0]
    assert compare_files(before, mark_files(files, hash_content=True), files)[0].changed == ["c"]


def test_many_files_are_counted_and_the_first_named(files) -> None:
    before = mark_files(files, hash_content=False)
    for name in NAMES:
        touch(files, name)
    changes, _ = compare_files(before, mark_files(files, hash_content=False), files)
    assert str(changes) == "4 files with another modification time (a, b, c, …)"
    assert changes.only_touched


def test_parts_are_apart(tmp_path: Path) -> None:
    for part in ("vectors", "labels"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "0").write_text(part)
    files = {part: FileList(str(tmp_path / part), strings(["0"])) for part in ("vectors", "labels")}
    marks = mark_files(files, hash_content=True)
    assert identity_of(marks, "vectors")["bytes"] == 7
    assert identity_of(marks, "labels")["bytes"] == 6
