"""Data that changed, were only touched, or are recognised by other means than before."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tripletmine.pipeline.artifacts.rows import ROWS_FILE
from tripletmine.pipeline.errors import PipelineError, StaleError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.directory import open_run
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.sealed import publish_sealed, read_sealed

from ...runs import finish, small_spec, with_work

SHORT = {
    "run": {"epochs": 1},
    "encoder": {"embedding_dim": 8},
    "train": {"images_per_epoch": 40, "classes_per_batch": 2, "images_per_class": 2},
    "evaluate": {"test": "never"},
}


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., RunSpec]:
    """Makes the spec of a run on a table of 60 images in two classes, with more keys of [data]."""
    random = np.random.default_rng(0)
    for index in range(60):
        pixels = random.integers(0, 256, size=(8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index:02d}.png")
    write_table(tmp_path, range(60))

    def spec(**data) -> RunSpec:
        return small_spec(
            tmp_path, data={"kind": "table", "path": "t.csv", "colour": "grey", **data}, **SHORT
        )

    return spec


def write_table(folder: Path, indices, labels: str = "ab") -> None:
    lines = [f"{index:02d}.png,{labels[index % 2]}" for index in indices]
    (folder / "t.csv").write_text("\n".join(["path,label", *lines]) + "\n")


def open_and_close(spec: RunSpec, **options) -> str:
    with open_run(spec, **options) as run:
        return run.facts.data_digest


def touch(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000_000))


def refused(spec: RunSpec) -> str:
    with_work(spec)
    record = (spec.root / "run.json").read_bytes()
    with pytest.raises(StaleError) as caught:
        open_and_close(spec)
    assert (spec.root / "run.json").read_bytes() == record
    return str(caught.value)


def test_what_changed_is_named(spec_of, tmp_path: Path) -> None:
    spec = spec_of()
    open_and_close(spec)
    (tmp_path / "60.png").write_bytes((tmp_path / "00.png").read_bytes())
    write_table(tmp_path, range(1, 61))
    touch(tmp_path / "07.png")
    message = refused(spec)
    assert (
        "changed: 1 file added (60.png), 1 file removed (00.png), 1 file with another modification time (07.png);"
        in message
    )
    assert "(--from-stage train --epoch 0)" in message


def test_other_labels_for_the_same_files_are_another_data_set(spec_of, tmp_path: Path) -> None:
    spec = spec_of()
    open_and_close(spec)
    write_table(tmp_path, range(60), labels="ac")
    assert "changed: 30 rows with another label (" in refused(spec)
    assert "it was 'b' and now is 'c'" in refused(spec)


def test_touched_files_are_refused_where_nobody_read_them(spec_of, tmp_path: Path) -> None:
    spec = spec_of()
    open_and_close(spec)
    touch(tmp_path / "07.png")
    assert "1 file with another modification time (07.png), and with the same size; whether" in refused(spec)


def test_touched_files_with_the_same_bytes_continue(spec_of, tmp_path: Path) -> None:
    spec = spec_of(hash_content=True)
    before = open_and_close(spec)
    touch(tmp_path / "07.png")
    assert open_and_close(spec) == before
    # Also without reading all of them: those with another time are read.
    assert open_and_close(spec_of()) == before
    touch(tmp_path / "07.png")
    assert open_and_close(spec_of()) == before


def test_contents_can_be_adopted_later(spec_of, tmp_path: Path) -> None:
    before = open_and_close(spec_of())
    assert open_and_close(spec_of(hash_content=True)) == before
    touch(tmp_path / "07.png")
    assert open_and_close(spec_of(hash_content=True)) == before
    assert open_and_close(spec_of()) == before
    (tmp_path / "07.png").write_bytes((tmp_path / "08.png").read_bytes())
    assert "1 file changed (07.png)" in refused(spec_of())


def test_contents_adopted_too_late(spec_of, tmp_path: Path) -> None:
    open_and_close(spec_of())
    touch(tmp_path / "07.png")
    assert "07.png" in refused(spec_of(hash_content=True))


def without_list(root: Path) -> None:
    """Leave the run as version 0.1 did."""
    (root / "data-files.parquet").unlink()


def with_damaged_list(root: Path) -> None:
    path = root / "data-files.parquet"
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("lose", [without_list, with_damaged_list])
@pytest.mark.parametrize("hash_content", [False, True])
def test_a_run_without_a_list_gets_one_when_nothing_changed(
    spec_of, tmp_path: Path, lose, hash_content: bool
) -> None:
    spec = spec_of(hash_content=hash_content)
    before = open_and_close(spec)
    lose(spec.root)
    assert open_and_close(spec) == before
    assert pq.read_table(spec.root / "data-files.parquet").num_rows == 60
    lose(spec.root)
    (tmp_path / "07.png").write_bytes((tmp_path / "08.png").read_bytes() + b"more")
    assert "which files changed is unknown, because the run has no list of them" in refused(spec)


def test_the_list_of_another_run_is_none(spec_of, tmp_path: Path) -> None:
    spec, other = spec_of(), spec_of(test=0.3).model_copy()
    open_and_close(spec)
    listed = (spec.root / "data-files.parquet").read_bytes()
    shutil.rmtree(spec.root)
    touch(tmp_path / "07.png")
    open_and_close(other)
    (other.root / "data-files.parquet").write_bytes(listed)
    open_and_close(other)
    assert (other.root / "data-files.parquet").read_bytes() != listed


def test_a_lost_record_is_made_again_with_the_identity_that_the_list_is_of(spec_of) -> None:
    before = open_and_close(spec_of())
    spec = spec_of(hash_content=True)
    assert open_and_close(spec) == before
    (spec.root / "run.json").unlink()
    assert open_and_close(spec) == before


def test_new_data_begin_again_in_the_same_directory(spec_of, tmp_path: Path) -> None:
    spec = spec_of()
    finish(spec)
    rows = (spec.root / ROWS_FILE).read_bytes()
    record = read_sealed(spec.root / "run.json")
    publish_sealed(spec.root / "run.json", {**record, "splitting": "drawn"})
    write_table(tmp_path, range(1, 60))
    said: list[str] = []
    with open_run(spec, said.append, new_data=True) as run:
        assert run.facts.train + run.facts.validation + run.facts.test == 59
    assert len(said) == 1
    assert "changed: 1 file removed (00.png); its 2 stages are done again" in said[0]
    assert (spec.root / "aside" / ROWS_FILE).read_bytes() == rows
    assert (StageRef(0, "train").folder(spec.root / "aside") / "manifest.json").exists()
    assert read_sealed(spec.root / "run.json")["splitting"] == "hashed"
    results = finish(spec)
    assert not any(result.skipped for result in results)
    assert not (spec.root / "aside").exists()


def test_new_settings_of_data_begin_again_too(spec_of) -> None:
    open_and_close(spec_of())
    assert "[data] of the run" in refused(spec_of(test=0.3))
    open_and_close(spec_of(test=0.3), new_data=True)
    open_and_close(spec_of(test=0.3))


def test_before_anything_was_made_of_them_other_data_are_taken(spec_of, tmp_path: Path) -> None:
    """A first try failed, and its user corrected what was wrong with the data."""
    spec = spec_of()
    open_and_close(spec)
    write_table(tmp_path, range(1, 60))
    said: list[str] = []
    with open_run(spec, said.append) as run:
        assert run.facts.train + run.facts.validation + run.facts.test == 59
    assert said == ["the data of the run changed: 1 file removed (00.png); nothing was made of them yet"]
    assert not (spec.root / "aside").exists()
    assert not any(result.skipped for result in finish(spec))


def test_without_a_change_new_data_are_nothing_new(spec_of) -> None:
    finish(spec_of())
    open_and_close(spec_of(), new_data=True)
    assert all(result.skipped for result in finish(spec_of()))


class Broken(Exception):
    """Stands for the death of the process."""


@pytest.mark.parametrize("where", ["set_all_aside", "build_rows", "write_data_files", "encoder_files"])
def test_a_beginning_that_was_broken_off_begins_again(
    spec_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    spec = spec_of()
    finish(spec)
    write_table(tmp_path, range(1, 60))

    def die(*_args, **_options):
        raise Broken

    with monkeypatch.context() as patch:
        patch.setattr(f"tripletmine.pipeline.run.prepare.{where}", die)
        with pytest.raises(Broken):
            open_and_close(spec, new_data=True)
    with pytest.raises(PipelineError):
        open_and_close(spec)
    open_and_close(spec, new_data=True)
    assert not any(result.skipped for result in finish(spec))
