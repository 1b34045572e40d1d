import shutil
from pathlib import Path

import pytest
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.errors import CorruptError, PipelineError, SpecError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.run.status import read_status
from tripletmine.pipeline.storage.sealed import publish_sealed

from ..conftest import Finished
from ..runs import artifacts, small_spec


def test_the_status_of_a_finished_run(digits_run: Finished) -> None:
    status = read_status(digits_run.root)

    assert status.finished
    assert status.spec == digits_run.spec
    assert [(epoch.number, epoch.warm_up) for epoch in status.epochs] == [(0, True), (1, False)]
    assert status.epochs[0].k_hardness is None
    assert status.epochs[1].k_hardness == pytest.approx(1.0, abs=0.1)
    reported = {result.ref: result for result in digits_run.results}
    for stage in [*status.epochs[0].stages, *status.epochs[1].stages, status.test]:
        assert stage is not None
        result = reported[stage.ref]
        assert (stage.state, stage.tasks_done, stage.tasks) == (
            "committed",
            result.tasks_run,
            result.tasks_run,
        )
        assert stage.seconds == pytest.approx(result.seconds, abs=0.1)
        assert stage.bytes == result.manifest.bytes
        assert stage.report == result.manifest.report
    scores = [epoch.validation["map_at_r"] for epoch in status.epochs]
    assert status.best == scores.index(max(scores))
    assert 0.5 < max(scores) <= 1


def test_the_size_is_that_of_all_artifacts(digits_run: Finished) -> None:
    sizes = [
        (digits_run.root / name).stat().st_size
        for name in artifacts(digits_run.root)
        if "/" in name and not name.endswith("manifest.json")
    ]
    assert read_status(digits_run.root).bytes == sum(sizes)


@pytest.mark.parametrize("seconds", ['"long"', "null", "[1]", "NaN", "Infinity", "-1"])
def test_a_line_of_the_journal_with_other_values_tells_nothing(seconds: str, copied_run) -> None:
    root = copied_run().root
    known = read_status(root).epochs[1].stages[0].seconds
    assert known is not None
    stage = read_status(root).epochs[1].stages[0].ref.stage
    with (root / "journal.jsonl").open("a") as journal:
        journal.write(f'{{"event": "committed", "stage": "{stage}", "epoch": 1, "seconds": {seconds}}}\n')
        journal.write(f'{{"event": "committed", "stage": "{stage}", "epoch": [1], "seconds": 1e9}}\n')
    assert read_status(root).epochs[1].stages[0].seconds == known


def test_a_broken_off_run(copied_run) -> None:
    spec = copied_run()
    shutil.rmtree(spec.root / "test")
    mine = StageRef(1, "mine").folder(spec.root)
    for stage in ("train", "evaluate"):
        shutil.rmtree(StageRef(1, stage).folder(spec.root))
    (mine / "manifest.json").unlink()
    (mine / "receipts").mkdir()
    for name in ("rows-00000.json", "rows-00001.json", ".rows-00002.json.partial-0"):
        (mine / "receipts" / name).write_text("{}")

    status = read_status(spec.root)

    assert not status.finished
    found = {stage.ref.stage: (stage.state, stage.tasks_done) for stage in status.epochs[1].stages}
    assert found == {
        "embed": ("committed", 15),
        "graph": ("committed", found["graph"][1]),
        "mine": ("begun", 2),
        "train": ("waiting", 0),
        "evaluate": ("waiting", 0),
    }
    assert status.test is not None
    assert (status.test.state, status.best) == ("waiting", 0)


@pytest.mark.parametrize("stage", ["mine", "evaluate"])
def test_a_damaged_stage_is_shown_and_does_not_hide_the_others(copied_run, stage: str) -> None:
    spec = copied_run()
    (StageRef(1, stage).folder(spec.root) / "manifest.json").write_text("{")

    status = read_status(spec.root)

    states = {each.ref.stage: each.state for each in status.epochs[1].stages}
    assert states.pop(stage) == "damaged"
    assert set(states.values()) == {"committed"}
    assert not status.finished


def test_asking_writes_nothing(copied_run) -> None:
    spec = copied_run()
    before = {path: path.stat().st_mtime_ns for path in spec.root.rglob("*")}
    read_status(spec.root)
    assert {path: path.stat().st_mtime_ns for path in spec.root.rglob("*")} == before


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"is not a run directory, it has no run\.json"):
        read_status(tmp_path)
    with pytest.raises(SpecError, match="is not a run directory"):
        read_status(tmp_path / "nowhere")
    (tmp_path / "mining.json").write_text("{}")
    with pytest.raises(SpecError, match=rf"`tripletmine report {tmp_path}` shows what was mined"):
        read_status(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}', "[" * 100_000])
def test_a_damaged_run_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(
        CorruptError, match=r"run\.json is damaged: delete that one file, the next run writes it"
    ):
        open_record(tmp_path)


def test_a_run_file_of_another_schema(tmp_path: Path) -> None:
    publish_sealed(tmp_path / "run.json", {"schema": 99, "version": "7.0"})
    with pytest.raises(
        SpecError, match=r"written with schema 99 \(version 7\.0\), and this version reads schema 1"
    ):
        open_record(tmp_path)


def test_a_spec_that_is_not_understood(tmp_path: Path) -> None:
    record = {"schema": 1, "spec": {}, "facts": {}, "identity": {}, "rows_keys": {}}
    publish_sealed(tmp_path / "run.json", record)
    with pytest.raises(PipelineError, match=r"run\.json cannot be understood"):
        open_record(tmp_path)


def test_the_spec_survives_the_run_file(tmp_path: Path, digits_run: Finished) -> None:
    assert open_record(digits_run.root)[0] == small_spec(Path(digits_run.spec.base))
