"""The runner with a small stage of this file's own: two phases of row sums, then their total."""

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tripletmine.pipeline.errors import CorruptError, DataError, StaleError, TaskError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef, manifest_of
from tripletmine.pipeline.plan.stage import Job, RunFacts, Stage
from tripletmine.pipeline.plan.stage_folder import StageFolder
from tripletmine.pipeline.plan.work import Phase, Plan, Task, TaskOutput, TaskResources, split_rows
from tripletmine.pipeline.run.directory import Run
from tripletmine.pipeline.run.runner import StageResult, make_job, run_stage
from tripletmine.pipeline.runfile.run_spec import RunSpec
from tripletmine.pipeline.storage.journal import read_events
from tripletmine.pipeline.storage.manifest import Manifest, read_manifest, write_manifest
from tripletmine.pipeline.storage.names import PRUNED
from tripletmine.pipeline.storage.publish import publish_json, published
from tripletmine.pipeline.storage.receipts import Receipt
from tripletmine.pipeline.workers.base import perform
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..runs import Recorded, small_spec

REF = StageRef(1, "sums")
PARENT = StageRef(0, "numbers")
ROWS, CHUNK = 10, 3
ALL_TASKS = ["layout-00000", "rows-00000", "rows-00001", "rows-00002", "rows-00003", "total-00000"]

FACTS = RunFacts(
    train=ROWS,
    validation=2,
    test=2,
    classes=2,
    singletons=0,
    item_shape=(8, 8),
    item_bytes=64,
    data_digest="data",
    encoder="convnet",
    weights=None,
    encoder_digest="none",
)


class Killed(BaseException):
    """Ends the process' work like a kill: no `except Exception` sees it."""


Script = Callable[[str, str], None]
"""Called with a task's name and "before", "half-way" or "after"."""


def no_faults(task: str, when: str) -> None:
    """Nothing happens."""


@dataclass
class Faults:
    """Scripted errors: task → (when, error). Counts the tasks that were begun."""

    scripted: dict[str, tuple[str, BaseException]]

    def __post_init__(self) -> None:
        self.begun: Counter[str] = Counter()

    def __call__(self, task: str, when: str) -> None:
        if when == "before":
            self.begun[task] += 1
        moment, error = self.scripted.get(task, ("", None))
        if error is not None and when == moment:
            raise error


def sums_stage(script: Script = no_faults, **changes: Any) -> Stage:
    """layout → one sum for each range of rows → their total, with a scratch file for each range."""
    return replace(
        Stage("sums", _parents, _keys, _plan, partial(_run_task, script), partial(_report, script)), **changes
    )


def _parents(spec: RunSpec, facts: RunFacts, ref: StageRef) -> tuple[StageRef, ...]:
    return (PARENT,)


def _keys(spec: RunSpec, _facts: RunFacts, _ref: StageRef) -> dict[str, Any]:
    return {"mine": spec.mine.result_keys()}


def _plan(spec: RunSpec, facts: RunFacts, ref: StageRef) -> Plan:
    return Plan(
        (
            Phase("layout", (Task("layout", 0, 0, 0),), memory_mib=1),
            Phase("rows", split_rows("rows", facts.train, CHUNK), memory_mib=10),
            Phase("total", (Task("total", 0, 0, 0),), memory_mib=1, on_driver=True),
        ),
        disk_bytes=1000,
    )


def _run_task(script: Script, job: Job, task: Task, means: TaskResources) -> TaskOutput:
    script(task.name, "before")
    name = f"{task.name}.json"
    if task.phase == "rows":
        assert (job.folder / "layout-00000.json").exists(), "phases come in order"
        value = sum(range(task.start, task.stop))
        publish_json(job.scratch / name, value)
        means.tick(task.rows)
    elif task.phase == "total":
        value = sum(json.loads(path.read_bytes()) for path in job.folder.glob("rows-*.json"))
    else:
        value = 0
    with published(job.folder / name) as partial_path:
        partial_path.write_text(json.dumps(value))
        script(task.name, "half-way")
    script(task.name, "after")
    return TaskOutput((name,), task.rows, {"value": value})


def _report(script: Script, job: Job, receipts: Sequence[Receipt]) -> dict[str, Any]:
    script("report", "before")
    return {"total": receipts[-1].report["value"], "tasks": len(receipts)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run directory in which the parent stage is committed."""
    write_manifest(PARENT.folder(tmp_path), Manifest("numbers", 0, {"keys": 0}, (), {}))
    return Run(tmp_path, small_spec(tmp_path), FACTS)


def go(run: Run, stage: Stage | None = None, executor: SerialExecutor | None = None) -> StageResult:
    return run_stage(run, stage or sums_stage(), REF, executor or SerialExecutor(), Recorded())


def files(run: Run) -> list[str]:
    folder = REF.folder(run.root)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def contents(run: Run) -> dict[str, bytes]:
    folder = REF.folder(run.root)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


COMMITTED = sorted([*(f"{name}.json" for name in ALL_TASKS), "manifest.json"])


def test_phases_run_in_order_and_the_stage_is_committed(run: Run) -> None:
    faults = Faults({})
    result = go(run, sums_stage(faults))

    assert list(faults.begun) == [*ALL_TASKS, "report"]
    assert (result.skipped, result.tasks_run, result.tasks_kept) == (False, 6, 0)
    assert result.manifest.report == {"total": 45, "tasks": 6}
    assert read_manifest(REF.folder(run.root)) == result.manifest
    assert [receipt.task for receipt in result.manifest.receipts] == ALL_TASKS


def test_receipts_scratch_and_claim_end_with_the_stage(run: Run) -> None:
    go(run)
    assert files(run) == COMMITTED


def test_a_committed_stage_is_skipped(run: Run) -> None:
    first = go(run)
    faults = Faults({})
    again = go(run, sums_stage(faults))

    assert not faults.begun
    assert (again.skipped, again.tasks_run, again.tasks_kept) == (True, 0, 6)
    assert again.manifest == first.manifest


def test_progress_hears_of_every_row_once(run: Run) -> None:
    progress = Recorded()
    run_stage(run, sums_stage(), REF, SerialExecutor(), progress)
    assert progress.started == [("sums of epoch 1", ROWS, 0)]
    assert progress.advanced == ROWS
    assert progress.ended == [("sums of epoch 1", False)]

    again = Recorded()
    run_stage(run, sums_stage(), REF, SerialExecutor(), again)
    assert (again.started, again.advanced) == ([("sums of epoch 1", ROWS, ROWS)], 0)
    assert again.ended == [("sums of epoch 1", True)]


def test_the_journal_tells_what_ran_where(run: Run) -> None:
    go(run)
    events = list(read_events(run.root))
    tasks = [event for event in events if event["event"] == "task"]
    assert [event["task"] for event in tasks] == ALL_TASKS
    assert all(event["pid"] and event["host"] and event["seconds"] >= 0 for event in tasks)
    assert [(event["event"], event["stage"], event["epoch"]) for event in events[-1:]] == [
        ("committed", "sums", 1)
    ]


@pytest.mark.parametrize("when", ["before", "half-way", "after"])
@pytest.mark.parametrize("task", ALL_TASKS)
def test_a_crash_at_any_point_costs_only_the_task_that_was_running(run: Run, task: str, when: str) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({task: (when, Killed())})))
    assert read_manifest(REF.folder(run.root)) is None

    faults = Faults({})
    result = go(run, sums_stage(faults))

    missing = ALL_TASKS[ALL_TASKS.index(task) :]
    assert faults.begun == Counter([*missing, "report"])
    assert (result.tasks_run, result.tasks_kept) == (len(missing), len(ALL_TASKS) - len(missing))
    assert result.manifest.report["total"] == 45
    assert files(run) == COMMITTED


def test_a_crash_between_the_last_task_and_the_manifest_costs_no_task(run: Run) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"report": ("before", Killed())})))

    faults = Faults({})
    assert go(run, sums_stage(faults)).tasks_run == 0
    assert faults.begun == Counter(["report"])


def test_a_crash_between_the_manifest_and_the_end_of_the_receipts_is_tidied_up(run: Run) -> None:
    go(run)
    folder = REF.folder(run.root)
    for leftover in ("receipts/rows-00000.json", "progress/rows-00000.json", "inputs.json", ".x.partial-1"):
        (folder / leftover).parent.mkdir(exist_ok=True)
        (folder / leftover).write_text("{}")
    (folder / ".progress.removed-7").mkdir()

    assert go(run).skipped
    assert files(run) == COMMITTED


def test_a_task_that_ends_after_its_stage_leaves_no_receipt(run: Run) -> None:
    """Such as the task of a Dask worker that was frozen, and thawed when another had done it."""
    go(run)
    stage = sums_stage(Faults({}))
    task = next(
        task for phase in stage.plan(run.spec, FACTS, REF).phases for task in phase.tasks if task.rows
    )
    with pytest.raises(UnavailableError, match=r"rows-00000 of sums of epoch 1 came too late"):
        perform(stage, make_job(run, stage, REF), 1, task, tick=lambda _: None)
    assert not (REF.folder(run.root) / "receipts").exists()


def test_a_resumed_stage_is_byte_identical(run: Run, tmp_path: Path) -> None:
    undisturbed = go(run)
    expected = contents(run)
    other = Run(tmp_path / "other", run.spec, FACTS)
    write_manifest(PARENT.folder(other.root), Manifest("numbers", 0, {"keys": 0}, (), {}))
    for task in ("rows-00001", "total-00000"):
        with pytest.raises(Killed):
            go(other, sums_stage(Faults({task: ("half-way", Killed())})))

    assert go(other).manifest == undisturbed.manifest
    assert contents(other) == expected


def test_temporary_files_of_a_killed_writer_are_removed(run: Run) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"rows-00002": ("before", Killed())})))
    for name in (".rows-00002.json.partial-abc", "c.partial"):
        (REF.folder(run.root) / name).write_bytes(b"half")
    seen: list[str] = []

    go(run, sums_stage(lambda task, when: seen.extend(files(run)) if when == "before" else None))

    assert "rows-00001.json" in seen
    assert not [name for name in seen if "partial" in name], "gone before the first task begins"
    assert files(run) == COMMITTED


def test_an_output_that_vanished_after_its_receipt_is_made_again(run: Run) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"rows-00003": ("before", Killed())})))
    (REF.folder(run.root) / "rows-00001.json").unlink()

    faults = Faults({})
    assert go(run, sums_stage(faults)).manifest.report["total"] == 45
    assert list(faults.begun) == ["rows-00001", "rows-00003", "total-00000", "report"]


def test_an_output_that_was_changed_after_its_receipt_is_made_again(run: Run) -> None:
    """Its size is the same, so that only reading shows the change."""
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"rows-00003": ("before", Killed())})))
    path = REF.folder(run.root) / "rows-00001.json"
    path.write_text("9" * len(path.read_text()))

    faults = Faults({})
    assert go(run, sums_stage(faults)).manifest.report["total"] == 45
    assert list(faults.begun) == ["rows-00001", "rows-00003", "total-00000", "report"]
    assert [event["files"] for event in read_events(run.root) if event["event"] == "damaged"] == [
        ["rows-00001.json"]
    ]


def test_a_full_disk_ends_the_stage_at_once_with_the_remedy(run: Run) -> None:
    """The other tasks could not write either."""
    faults = Faults({"rows-00001": ("half-way", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))})
    with pytest.raises(
        UnavailableError, match=r"No space left on device .*: free some space, then the same command"
    ):
        go(run, sums_stage(faults))
    assert list(faults.begun) == ["layout-00000", "rows-00000", "rows-00001"]


def test_a_library_that_only_passes_on_the_words_of_the_system_is_understood(run: Run) -> None:
    faults = Faults(
        {"rows-00001": ("half-way", RuntimeError("I/O error: No space left on device (os error 28)"))}
    )
    with pytest.raises(UnavailableError, match="free some space"):
        go(run, sums_stage(faults))


def test_a_manifest_in_anothers_place_is_named_with_the_remedy(run: Run) -> None:
    go(run)
    other = REF.folder(run.root)
    shutil.copytree(other, StageRef(2, "sums").folder(run.root))
    with pytest.raises(
        CorruptError, match="belongs to sums of epoch 1: redo sums of epoch 2 with --from-stage sums"
    ):
        manifest_of(run.root, StageRef(2, "sums"))


def test_a_failing_task_is_named_with_its_rows_while_the_others_are_committed(run: Run) -> None:
    faults = Faults(
        {"rows-00001": ("before", RuntimeError("no luck")), "rows-00002": ("after", OSError("nor here"))}
    )
    with pytest.raises(
        TaskError,
        match=r"task rows-00001 \(rows 3 to 6\) failed 1 time\(s\) \(and 1 more tasks\): RuntimeError: no luck; "
        "the finished tasks are kept, the same command continues",
    ):
        go(run, sums_stage(faults))
    assert faults.begun == Counter(["layout-00000", *(f"rows-0000{index}" for index in range(4))])

    again = Faults({})
    assert go(run, sums_stage(again)).manifest.report["total"] == 45
    assert list(again.begun) == ["rows-00001", "rows-00002", "total-00000", "report"]


def test_an_error_with_a_message_for_people_ends_the_stage_at_once(run: Run) -> None:
    faults = Faults({"rows-00001": ("before", DataError("row 4 is not finite"))})
    with pytest.raises(DataError, match="row 4 is not finite"):
        go(run, sums_stage(faults))
    assert list(faults.begun) == ["layout-00000", "rows-00000", "rows-00001"]


def changed(run: Run, changes: dict[str, Any]) -> Run:
    return replace(run, spec=small_spec(run.root, **changes))


REFUSED = (
    r"sums of epoch 1 in .* was made with {}: set it back, redo it with --from-stage sums --epoch 1, or start"
)


@pytest.mark.parametrize("broken_off", [False, True], ids=["committed", "broken off"])
@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"mine": {"margin": 0.3}}, r"mine\.margin = 0\.2, and now mine\.margin is 0\.3"),
        ({"run": {"seed": 5}}, r"run\.seed = 0, and now run\.seed is 5"),
    ],
)
def test_other_inputs_are_refused_naming_the_field(
    run: Run, broken_off: bool, change: dict[str, Any], difference: str
) -> None:
    if broken_off:
        with pytest.raises(Killed):
            go(run, sums_stage(Faults({"rows-00002": ("before", Killed())})))
    else:
        go(run)
    before = contents(run)

    with pytest.raises(StaleError, match=REFUSED.format(difference)):
        go(changed(run, change))
    assert contents(run) == before


def test_a_stage_that_failed_before_it_had_anything_takes_other_inputs(run: Run) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"layout-00000": ("before", Killed())})))
    assert not go(changed(run, {"mine": {"margin": 0.3}})).skipped
    with pytest.raises(StaleError, match=r"mine\.margin = 0\.3, and now mine\.margin is 0\.2"):
        go(run)


def test_a_checkpoint_is_something_to_lose(run: Run) -> None:
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"layout-00000": ("before", Killed())})))
    folder = StageFolder(run.root, REF)
    folder.scratch.mkdir()
    (folder.scratch / "metrics.jsonl").touch()
    assert not folder.has_work
    (folder.scratch / "state-00000003.safetensors").touch()
    with pytest.raises(StaleError, match=r"set it back, redo it with"):
        go(changed(run, {"mine": {"margin": 0.3}}))


def test_other_data_and_another_encoder_are_refused(run: Run) -> None:
    go(run)
    with pytest.raises(StaleError, match="data = data, and now data is other"):
        go(replace(run, facts=replace(FACTS, data_digest="other")))
    with pytest.raises(StaleError, match="encoder = none, and now encoder is other"):
        go(replace(run, facts=replace(FACTS, encoder_digest="other")))


def test_a_parent_that_was_made_again_differently_is_refused(run: Run) -> None:
    go(run)
    write_manifest(PARENT.folder(run.root), Manifest("numbers", 0, {"keys": 1}, (), {}))
    with pytest.raises(StaleError, match=r"parents\.numbers of epoch 0 = \w+, and now"):
        go(run)


@pytest.mark.parametrize(
    "change",
    [
        {"run": {"epochs": 9, "keep": {}}},
        {"cluster": {"kind": "local", "workers": 7}},
        {"embed": {"device": "cpu"}},
    ],
)
def test_execution_keys_may_change(run: Run, change: dict[str, Any]) -> None:
    go(run)
    assert go(changed(run, change)).skipped


@pytest.mark.parametrize("damage", [lambda _: "{", lambda text: text.replace('"schema": 1', '"schema": 3')])
def test_a_damaged_claim_is_refused(run: Run, damage: Callable[[str], str]) -> None:
    """It is not taken for the claim of another spec, even if it is still JSON."""
    with pytest.raises(Killed):
        go(run, sums_stage(Faults({"rows-00002": ("before", Killed())})))
    path = REF.folder(run.root) / "inputs.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(
        CorruptError, match=r"inputs\.json is damaged: redo sums of epoch 1 with --from-stage"
    ):
        go(run)


def test_a_folder_without_claim_holds_nothing_worth_keeping(run: Run) -> None:
    (REF.folder(run.root) / "receipts").mkdir(parents=True)
    (REF.folder(run.root) / "receipts" / "rows-00000.json").write_text("{")
    assert go(run).tasks_run == 6
    assert files(run) == COMMITTED


def test_a_missing_parent_is_named_with_the_remedy(run: Run) -> None:
    (PARENT.folder(run.root) / "manifest.json").unlink()
    with pytest.raises(
        UnavailableError,
        match=r"reads numbers of epoch 0, which is not there: .*--from-stage numbers --epoch 0",
    ):
        go(run)


def test_a_pruned_parent_is_good_enough(run: Run) -> None:
    publish_json(PARENT.folder(run.root) / PRUNED, {"pruned_bytes": 0})
    assert not go(run).skipped


def test_a_pruned_stage_is_skipped_though_its_files_are_gone(run: Run) -> None:
    go(run)
    (REF.folder(run.root) / "rows-00000.json").unlink()
    publish_json(REF.folder(run.root) / PRUNED, {"pruned_bytes": 0})
    assert go(run).skipped


def test_a_committed_file_that_is_gone_is_an_error_with_the_remedy(run: Run) -> None:
    go(run)
    (REF.folder(run.root) / "rows-00001.json").unlink()
    (REF.folder(run.root) / "rows-00002.json").write_text("")
    with pytest.raises(
        UnavailableError, match=r"rows-00001\.json \(and 1 more\) .*--from-stage sums --epoch 1"
    ):
        go(run)


def test_a_damaged_manifest_is_an_error(run: Run) -> None:
    go(run)
    (REF.folder(run.root) / "manifest.json").write_text("{}")
    with pytest.raises(CorruptError, match="redo sums of epoch 1 with --from-stage sums --epoch 1"):
        go(run)


def test_too_little_memory_of_a_worker_is_an_error_before_work(run: Run) -> None:
    executor = SerialExecutor()
    executor.memory_mib = 9
    faults = Faults({})
    with pytest.raises(
        UnavailableError,
        match=r"a task of sums of epoch 1 \(rows\) needs 10 MiB but this machine or container has 9 MiB",
    ):
        go(run, sums_stage(faults), executor)
    assert not faults.begun


def test_too_little_memory_for_the_flows_own_work_is_an_error_before_work(run: Run) -> None:
    phase = Phase("total", (Task("total", 0, 0, 0),), memory_mib=2**40, on_driver=True)
    with pytest.raises(
        UnavailableError, match=r"sums of epoch 1 \(total\) needs 1099511627776 MiB but this machine"
    ):
        go(run, sums_stage(plan=lambda spec, facts, ref: Plan((phase,), 0)))


def test_too_little_disk_is_an_error_before_work(run: Run) -> None:
    faults = Faults({})
    plan = _plan(run.spec, FACTS, REF)
    message = r"needs 1099511627840 MiB of disk \(64 of them to spare\) but .* free: free some, or lower"
    with pytest.raises(UnavailableError, match=message):
        go(run, sums_stage(faults, plan=lambda spec, facts, ref: replace(plan, disk_bytes=2**60)))
    assert not faults.begun


TEST_REF = StageRef(None, "sums")


def of_epoch(number: int, script: Script = no_faults) -> Stage:
    """A stage that belongs to no epoch, and reads one of epoch `number`."""
    return sums_stage(script, parents=lambda spec, facts, ref: (StageRef(number, "numbers"),))


@pytest.mark.parametrize("broken_off", [False, True], ids=["committed", "broken off"])
def test_the_test_is_done_again_when_another_epoch_is_the_best(run: Run, broken_off: bool) -> None:
    write_manifest(StageRef(2, "numbers").folder(run.root), Manifest("numbers", 2, {}, (), {}))
    faults = Faults({"rows-00001": ("before", Killed())} if broken_off else {})
    with pytest.raises(Killed) if broken_off else nullcontext():
        run_stage(run, of_epoch(0, faults), TEST_REF, SerialExecutor(), Recorded())

    with pytest.raises(Killed):
        run_stage(
            run,
            of_epoch(2, Faults({"rows-00000": ("before", Killed())})),
            TEST_REF,
            SerialExecutor(),
            Recorded(),
        )
    kept = read_manifest(run.root / "aside" / "sums")
    assert (kept is None) == broken_off, "the old result stays until the new one is in"

    result = run_stage(run, of_epoch(2), TEST_REF, SerialExecutor(), Recorded())
    assert list(result.manifest.inputs["parents"]) == ["numbers of epoch 2"]
    assert not (run.root / "aside").exists()
    assert run_stage(run, of_epoch(2), TEST_REF, SerialExecutor(), Recorded()).skipped
