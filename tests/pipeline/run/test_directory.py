import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tripletmine.pipeline.errors import CorruptError, LockedError, SpecError, StaleError, UnavailableError
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.storage.journal import read_events
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from ..conftest import Finished
from ..runs import artifacts, finish, small_spec

NOBODY = 65534


def open_and_close(spec) -> None:
    with open_run(spec):
        pass


@contextmanager
def ordinary_user() -> Iterator[None]:
    """The superuser may write anywhere, so where tests run as root they become somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_new_run_has_its_rows_and_says_what_it_is(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    with open_run(spec) as run:
        assert run.root == tmp_path / "runs" / "digits"
        assert run.spec == spec
        assert run.facts.train + run.facts.validation + run.facts.test == 1797
    assert sorted(path.name for path in run.root.iterdir()) == [
        ".lock",
        "journal.jsonl",
        "rows.parquet",
        "run.json",
    ]
    assert [event["event"] for event in read_events(run.root)] == ["opened"]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    open_and_close(spec)
    before = {name: (spec.root / name).stat().st_mtime_ns for name in ("rows.parquet", "run.json")}
    open_and_close(spec)
    assert {name: (spec.root / name).stat().st_mtime_ns for name in before} == before


def test_what_a_killed_run_left_in_its_root_goes_with_the_next(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    open_and_close(spec)
    (spec.root / "encoder").mkdir()
    left = [spec.root / ".run.json.partial-0123", spec.root / "encoder" / ".copy.partial-4567"]
    theirs = (
        spec.root / "epochs" / "0000" / "train" / ".task.partial-89ab"
    )  # the stage's own, left to the stage
    theirs.parent.mkdir(parents=True)
    for path in (*left, theirs):
        path.touch()
    open_and_close(spec)
    assert [path.exists() for path in (*left, theirs)] == [False, False, True]


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    with open_run(spec), pytest.raises(LockedError, match=f"in use by process {os.getpid()}"):
        open_and_close(spec)


def test_a_directory_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    spec.root.mkdir(parents=True)
    (spec.root / "thesis.tex").write_text("years of work")
    with pytest.raises(SpecError, match=r"is not empty and not a run \(it has thesis\.tex\): choose another"):
        open_and_close(spec)
    assert [path.name for path in spec.root.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("place", ["the directory itself", "a folder above"])
def test_a_file_where_the_directory_should_be(tmp_path: Path, place: str) -> None:
    spec = small_spec(tmp_path)
    path = spec.root if place == "the directory itself" else spec.root.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    with pytest.raises(SpecError, match="is a file: choose another"):
        open_and_close(spec)


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    spec.root.mkdir(parents=True)
    for folder in (*reversed(tmp_path.parents[:3]), tmp_path, spec.root.parent):
        folder.chmod(0o755)
    spec.root.chmod(0o555)
    try:
        with (
            ordinary_user(),
            pytest.raises(
                UnavailableError,
                match=r"cannot be written \(Permission denied\): give this user the permission",
            ),
        ):
            open_and_close(spec)
    finally:
        spec.root.chmod(0o755)


def test_what_a_killed_setup_left_is_continued(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    open_and_close(spec)
    (spec.root / "run.json").unlink()
    (spec.root / "journal.jsonl").unlink()
    (spec.root / ".rows.parquet.partial-17").touch()
    open_and_close(spec)
    assert (spec.root / "run.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_run_file_can_be_deleted_as_its_error_says(copied_run, content: str) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    path = spec.root / "run.json"
    path.write_text(content)
    with pytest.raises(
        CorruptError, match=r"run\.json is damaged: delete that one file, the next run writes it"
    ):
        open_and_close(spec)

    path.unlink()

    assert all(result.skipped for result in finish(spec))
    assert artifacts(spec.root) == before


def test_a_run_of_another_version_is_refused(copied_run) -> None:
    spec = copied_run()
    path = spec.root / "run.json"
    publish_sealed(path, {**read_sealed(path), "schema": 2})
    with pytest.raises(
        SpecError, match=r"written with schema 2 .*: use that version, or another run\.directory"
    ):
        open_and_close(spec)


@pytest.mark.parametrize(
    "change",
    [{"run": {"seed": 1}}, {"data": {"validation": 0.2}}, {"data": {"split": "zero-shot"}}],
    ids=str,
)
def test_other_splits_are_refused(copied_run, change: dict) -> None:
    spec = copied_run(**change)
    before = artifacts(spec.root)
    with pytest.raises(StaleError, match=r"\[data\] of the run in .* changed: it was .*new run\.directory"):
        open_and_close(spec)
    assert artifacts(spec.root) == before


def test_damaged_rows_are_named_before_they_are_used(copied_run) -> None:
    spec = copied_run()
    path = spec.root / "rows.parquet"
    content = bytearray(path.read_bytes())
    for place in range(300, 340):
        content[place] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(CorruptError, match=r"rows\.parquet cannot be read .*: delete that one file"):
        open_and_close(spec)


def test_a_finished_run_is_skipped(copied_run) -> None:
    spec = copied_run()
    before = artifacts(spec.root)
    assert all(result.skipped for result in finish(spec))
    assert artifacts(spec.root) == before


def test_a_run_may_be_moved_and_renamed(copied_run, tmp_path: Path) -> None:
    """Where it lives and what it is called are no inputs of any result."""
    moved = small_spec(tmp_path, run={"name": "other", "directory": "elsewhere"})
    shutil.move(copied_run().root, moved.root)
    assert all(result.skipped for result in finish(moved))


def test_more_epochs_continue_the_run(copied_run, digits_run: Finished) -> None:
    spec = copied_run(run={"epochs": 3})
    results = finish(spec)
    assert [result.ref for result in results if result.skipped and result.ref.epoch is not None] == [
        result.ref for result in digits_run.results if result.ref.epoch is not None
    ]
    assert [result.ref.stage for result in results if result.ref.epoch == 2] == [
        "embed",
        "graph",
        "mine",
        "train",
        "evaluate",
    ]


def test_more_epochs_are_refused_where_the_learning_rate_depends_on_their_number(tmp_path: Path) -> None:
    train = {"schedule": "cosine", "images_per_epoch": 200}
    evaluate = {"test": "never"}
    finish(small_spec(tmp_path, run={"epochs": 1}, train=train, evaluate=evaluate))
    with pytest.raises(
        StaleError, match=r"train of epoch 0 .* made with run\.epochs = 1, and now run\.epochs is 2"
    ):
        finish(small_spec(tmp_path, run={"epochs": 2}, train=train, evaluate=evaluate))


def test_another_margin_is_refused_and_nothing_is_lost(copied_run) -> None:
    spec = copied_run(mine={"margin": 0.3})
    before = artifacts(spec.root)
    with pytest.raises(StaleError, match=r"margin = 0\.2, and now .*margin is 0\.3"):
        finish(spec)
    assert artifacts(spec.root) == before


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"checkpoint_steps": 1000}},
        {"graph": {"memory_mib": 4096}},
        {"embed": {"device": "cpu"}},
        {"cluster": {"retries": 7}},
        {"run": {"keep": {}}},
    ],
    ids=str,
)
def test_an_execution_key_may_change(copied_run, change: dict) -> None:
    assert all(result.skipped for result in finish(copied_run(**change)))
