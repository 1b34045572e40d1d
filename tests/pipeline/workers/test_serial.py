import os
from functools import partial
from pathlib import Path

import pytest
from scripted_tasks import History, run_scripted, tries
from tripletmine.mining.compute.machine import machine_memory_mib
from tripletmine.mining.compute.threads import usable_threads
from tripletmine.pipeline.artifacts.record import open_record
from tripletmine.pipeline.errors import DataError, TaskError
from tripletmine.pipeline.plan.work import split_rows
from tripletmine.pipeline.runfile.run_spec import ClusterSpec
from tripletmine.pipeline.workers.open import open_executor
from tripletmine.pipeline.workers.opened import encoder_of, rows_of
from tripletmine.pipeline.workers.serial import SerialExecutor

from ..conftest import Finished

TASKS = split_rows("rows", 25, 10)


def outcomes(folder: Path, history: History, tasks=TASKS) -> list[str]:
    found = []
    for outcome in SerialExecutor().run(partial(run_scripted, folder, history), tasks):
        assert outcome.pid == os.getpid()
        found.append(outcome.task.name)
    return found


def test_tasks_run_one_after_the_other(tmp_path: Path) -> None:
    assert outcomes(tmp_path, {}) == ["rows-00000", "rows-00001", "rows-00002"]
    assert tries(tmp_path) == {0: 1, 1: 1, 2: 1}
    assert outcomes(tmp_path, {}, tasks=()) == []


def test_nothing_is_retried_and_the_others_run(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError, match=r"task rows-00000 \(rows 0 to 10\) failed 1 time\(s\): RuntimeError: scripted"
    ) as caught:
        outcomes(tmp_path, {0: ["fail", "succeed"]})
    assert isinstance(caught.value.__cause__, RuntimeError), "--debug shows where it came from"
    assert tries(tmp_path) == {0: 1, 1: 1, 2: 1}


def test_several_failures_are_counted(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"rows-00001 \(rows 10 to 20\) .* \(and 1 more tasks\)"):
        outcomes(tmp_path, {1: ["fail"], 2: ["fail"]})


def test_a_message_for_people_is_passed_on_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="scripted refusal of rows-00001"):
        outcomes(tmp_path, {1: ["refuse"]})
    assert tries(tmp_path) == {0: 1, 1: 1}


def test_it_is_what_a_run_file_without_cluster_gets(tmp_path: Path) -> None:
    with open_executor(ClusterSpec(), tmp_path) as executor:
        assert executor.in_process
        assert (executor.workers, executor.threads(5)) == (1, usable_threads())
        assert executor.memory_mib == machine_memory_mib() > 256
    assert list(tmp_path.iterdir()) == []


def test_release_drops_the_encoder_and_keeps_the_rows(digits_run: Finished) -> None:
    spec, facts = open_record(digits_run.root)
    rows = rows_of(digits_run.root, facts.data_digest)
    encoder = encoder_of(digits_run.root, spec, facts, None)
    assert encoder_of(digits_run.root, spec, facts, None) is encoder
    SerialExecutor().release()
    assert encoder_of(digits_run.root, spec, facts, None) is not encoder
    assert rows_of(digits_run.root, facts.data_digest) is rows
