"""Real schedulers and workers, in processes of their own."""

import gc
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client
from distributed.utils import LoopRunner
from scripted_tasks import RELEASE, History, run_scripted, tries
from tripletmine.pipeline.errors import DataError, TaskError, UnavailableError
from tripletmine.pipeline.plan.refs import StageRef
from tripletmine.pipeline.plan.work import split_rows
from tripletmine.pipeline.run.progress import Silent
from tripletmine.pipeline.run.runner import run_stage
from tripletmine.pipeline.runfile.run_spec import ClusterSpec, RunSpec
from tripletmine.pipeline.stages.graph import GRAPH
from tripletmine.pipeline.storage.journal import read_events
from tripletmine.pipeline.storage.publish import remove_tree
from tripletmine.pipeline.workers.base import Executor
from tripletmine.pipeline.workers.dask import DaskExecutor
from tripletmine.pipeline.workers.open import open_executor

from ...waiting import eventually
from ..conftest import Finished
from ..runs import artifacts, differences, finish, opened, small_spec
from .conftest import Cluster

TASKS = split_rows("rows", 95, 10)
ALL = {task.name: sum(range(task.start, task.stop)) for task in TASKS}


@contextmanager
def connected(
    cluster: Cluster, root: Path, note: Callable[[str], None] = pytest.fail, **settings: float
) -> Iterator[Executor]:
    spec = ClusterSpec(kind="dask", address=cluster.address, **{"timeout_seconds": 120.0, **settings})  # type: ignore[arg-type]
    with open_executor(spec, root, note) as executor:
        yield executor


def outcomes(executor: Executor, folder: Path, history: History) -> dict[str, int]:
    found = executor.run(partial(run_scripted, folder, history), TASKS)
    return {outcome.task.name: outcome.receipt.report["sum"] for outcome in found}


def test_artifacts_are_those_of_a_serial_run(
    two_workers: Cluster, digits_run: Finished, tmp_path: Path
) -> None:
    spec = small_spec(
        tmp_path, cluster={"kind": "dask", "address": two_workers.address, "timeout_seconds": 120.0}
    )
    results = finish(spec)

    assert [result.tasks_run for result in results] == [result.tasks_run for result in digits_run.results]
    assert differences(spec.root, digits_run.root) == []


@pytest.mark.parametrize("method", ["hnsw", "traverse_add"])
def test_eight_parts_of_a_graph_are_the_same_on_separate_workers(
    two_workers: Cluster, copied_run: Callable[..., RunSpec], method: str
) -> None:
    spec = copied_run(graph={"method": method, "parts": 8})
    serial = graph_artifacts(spec)
    cluster = ClusterSpec(kind="dask", address=two_workers.address, timeout_seconds=120.0)

    assert graph_artifacts(spec.model_copy(update={"cluster": cluster})) == serial

    assert {f"index-00{part}.bin" for part in range(8)} <= serial.keys()
    built = [event for event in read_events(spec.root) if event.get("task", "").startswith("index-")]
    assert len({event["pid"] for event in built} - {os.getpid()}) == 2


def test_cells_are_the_same_on_separate_workers(
    two_workers: Cluster, copied_run: Callable[..., RunSpec]
) -> None:
    spec = copied_run(graph={"method": "cells", "parts": 1})
    serial = graph_artifacts(spec)
    cluster = ClusterSpec(kind="dask", address=two_workers.address, timeout_seconds=120.0)

    assert graph_artifacts(spec.model_copy(update={"cluster": cluster})) == serial

    searched = [event for event in read_events(spec.root) if event.get("task", "").startswith("cells-")]
    assert len({event["pid"] for event in searched} - {os.getpid()}) == 2


def graph_artifacts(spec: RunSpec) -> dict[str, str]:
    """Files of the first mining epoch's graph, built anew, and their digests."""
    ref = StageRef(1, "graph")
    remove_tree(ref.folder(spec.root))
    with opened(spec) as (run, executor):
        run_stage(run, GRAPH, ref, executor, Silent())
    return artifacts(ref.folder(spec.root))


def test_tasks_run_on_both_workers_and_nothing_is_left_in_the_run(
    two_workers: Cluster, tmp_path: Path
) -> None:
    with connected(two_workers, tmp_path) as executor:
        assert (executor.workers, executor.in_process) == (2, False)
        assert executor.memory_mib > 256
        pids = set()
        found = {}
        for outcome in executor.run(partial(run_scripted, tmp_path, {}), TASKS):
            pids.add(outcome.pid)
            found[outcome.task.name] = outcome.receipt.report["sum"]
        executor.release()
    assert found == ALL
    assert os.getpid() not in pids
    assert len(pids) == 2
    assert {path.name[:4] for path in tmp_path.iterdir()} == {"try-"}


def test_a_failure_that_passes_is_retried(two_workers: Cluster, tmp_path: Path) -> None:
    with connected(two_workers, tmp_path, retries=2) as executor:
        assert outcomes(executor, tmp_path, {3: ["fail", "fail", "succeed"]}) == ALL
    assert tries(tmp_path) == {task.index: 3 if task.index == 3 else 1 for task in TASKS}


def test_a_task_that_always_fails_is_named_with_its_rows_when_the_others_are_done(
    two_workers: Cluster, tmp_path: Path
) -> None:
    with (
        connected(two_workers, tmp_path, retries=1) as executor,
        pytest.raises(
            TaskError,
            match=r"task rows-00002 \(rows 20 to 30\) failed 2 time\(s\): RuntimeError: scripted failure",
        ),
    ):
        outcomes(executor, tmp_path, {2: ["fail"]})
    assert tries(tmp_path) == {task.index: 2 if task.index == 2 else 1 for task in TASKS}


def test_a_message_for_people_comes_through(two_workers: Cluster, tmp_path: Path) -> None:
    with (
        connected(two_workers, tmp_path, retries=0) as executor,
        pytest.raises(DataError, match="scripted refusal of rows-00000"),
    ):
        outcomes(executor, tmp_path, {0: ["refuse"]})


def test_a_worker_that_is_killed_in_the_middle_of_a_task_costs_nothing(
    two_workers: Cluster, tmp_path: Path
) -> None:
    """Also without retries, since the loss of a worker is not the task's fault."""
    with connected(two_workers, tmp_path, retries=0) as executor:
        assert outcomes(executor, tmp_path, {4: ["kill", "succeed"]}) == ALL
    assert tries(tmp_path)[4] == 2


def test_a_task_that_kills_every_worker_ends_the_stage(two_workers: Cluster, tmp_path: Path) -> None:
    """Dask may blame any task that waited on the same worker. Without the kill the same tasks succeed."""
    with (
        connected(two_workers, tmp_path, retries=0) as executor,
        pytest.raises(
            TaskError,
            match=r"task rows-0000\d \(rows \d+ to \d+\), or one .*killed every worker .*out of memory",
        ),
    ):
        outcomes(executor, tmp_path, {1: ["kill"]})
    with connected(two_workers, tmp_path, retries=0) as executor:
        assert outcomes(executor, tmp_path, {}) == ALL


def test_a_scheduler_that_is_lost_is_named(start_cluster: Callable[[], Cluster], tmp_path: Path) -> None:
    cluster = start_cluster()
    cluster.add_worker()
    with (
        pytest.raises(UnavailableError, match=r"the Dask scheduler was lost while task rows-0000\d ran"),
        connected(cluster, tmp_path, timeout_seconds=15.0) as executor,
    ):
        lose_the_scheduler(cluster, executor, tmp_path)


def lose_the_scheduler(cluster: Cluster, executor: Executor, folder: Path) -> None:
    found = executor.run(partial(run_scripted, folder, {2: ["wait"]}), TASKS)
    next(found)
    cluster.kill_scheduler()
    list(found)


def test_an_address_where_nobody_answers_is_an_error_until_it_is_that_of_a_scheduler(
    two_workers: Cluster, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        spec = ClusterSpec(kind="dask", address=address, timeout_seconds=0.5)
        with (
            pytest.raises(
                UnavailableError,
                match=rf"cluster\.address is {address}, where no scheduler answers within 0\.5 s .*: "
                "start one with `dask scheduler`, or correct the address",
            ),
            open_executor(spec, tmp_path),
        ):
            pass
    with connected(two_workers, tmp_path) as executor:
        assert executor.workers == 2


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:1", "tcp://", "tcp://127.0.0.1:port"])
def test_an_address_that_is_none_is_an_error(tmp_path: Path, address: str) -> None:
    spec = ClusterSpec(kind="dask", address=address, timeout_seconds=0.5)
    with (
        pytest.raises(UnavailableError, match=f"cluster.address is {address}"),
        open_executor(spec, tmp_path),
    ):
        pass


def test_a_client_that_could_not_connect_is_closed_before_the_next_one_starts(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a garbage collection closed it during that start, it would wait for ever for a lock that its own thread
    holds."""
    stopped_within: list[LoopRunner] = []
    start, stop = LoopRunner._start_unlocked, LoopRunner.stop

    def collecting(runner: LoopRunner) -> None:
        gc.collect()
        start(runner)

    def stop_if_it_can(runner: LoopRunner, timeout: int = 10) -> None:
        if LoopRunner._lock.locked():
            stopped_within.append(runner)
        else:
            stop(runner, timeout)

    monkeypatch.setattr(LoopRunner, "_start_unlocked", collecting)
    monkeypatch.setattr(LoopRunner, "stop", stop_if_it_can)
    gc.disable()
    try:
        test_an_address_that_is_none_is_an_error(tmp_path, "nonsense")
        with connected(two_workers, tmp_path) as executor:
            assert executor.workers == 2
    finally:
        gc.enable()
    assert stopped_within == []


def test_a_client_that_a_stalled_machine_broke_is_started_again(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    wait = threading.Event.wait

    def stalled_once(event: threading.Event, timeout: float | None = None) -> bool:
        waits.append(timeout)
        # 10 s is what distributed gives the thread of its event loop to start.
        return False if timeout == 10 and waits.count(10) == 1 else wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", stalled_once)
    with connected(two_workers, tmp_path) as executor:
        assert executor.workers == 2
    assert waits.count(10) > 1


def test_a_scheduler_without_workers_is_an_error_within_the_time(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    with (
        pytest.raises(
            UnavailableError, match=r"has no worker after 0\.5 s: start some with `dask worker tcp://"
        ),
        connected(cluster, tmp_path, timeout_seconds=0.5),
    ):
        pass
    cluster.add_worker()
    with connected(cluster, tmp_path) as executor:
        assert outcomes(executor, tmp_path, {}) == ALL


def version_99(folder: Path, package: str) -> Path:
    """A path for Python on which the package seems to be of another version."""
    about = folder / "other" / f"{package}-99.9.dist-info" / "METADATA"
    about.parent.mkdir(parents=True)
    about.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.9\n")
    return about.parents[1]


def test_a_worker_of_another_version_is_refused(start_cluster: Callable[[], Cluster], tmp_path: Path) -> None:
    cluster = start_cluster()
    cluster.add_worker(python_path=version_99(tmp_path, "tripletmine"))
    with (
        pytest.raises(
            UnavailableError,
            match=r"worker tcp://.* runs tripletmine 99\.9 but this is .*: install the same on both",
        ),
        connected(cluster, tmp_path),
    ):
        pass
    cluster.add_worker()
    eventually(lambda: len(workers_of(cluster)) == 2, "a worker of our version")
    with connected(cluster, tmp_path, lambda _: None) as executor:
        assert outcomes(executor, tmp_path, {}) == ALL


def test_a_late_worker_that_does_not_fit_is_named_once_and_gets_no_task(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    (root := tmp_path / "run").mkdir()
    cluster = start_cluster()
    cluster.add_worker()
    notes: list[str] = []
    with connected(cluster, root, notes.append) as executor:
        (first,) = workers_of(cluster)
        cluster.add_worker(python_path=version_99(tmp_path, "torch"))

        def refused() -> bool:
            pids = {outcome.pid for outcome in executor.run(partial(run_scripted, root, {}), TASKS)}
            assert pids == {first}
            return bool(notes)

        eventually(refused, "a refusal")
        assert outcomes(executor, root, {}) == ALL
        eventually(lambda: cluster.processes[-1].poll() is not None, "the end of the worker")
        assert executor.workers == 1
    (note,) = notes
    assert re.fullmatch(
        r"worker tcp://[\d.:]+ gets no tasks, since it runs torch 99\.9 but this is .*: install the same on both",
        note,
    )


def test_a_worker_that_does_not_fit_leaves_the_others_their_work(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    (root := tmp_path / "run").mkdir()
    cluster = start_cluster()
    cluster.add_worker(python_path=version_99(tmp_path, "zarr"))
    cluster.add_worker()
    eventually(lambda: len(workers_of(cluster)) == 2, "two workers")
    notes: list[str] = []
    with connected(cluster, root, notes.append) as executor:
        assert outcomes(executor, root, {}) == ALL
        assert len(workers_of(cluster)) == 1
    assert ["zarr 99.9" in note for note in notes] == [True]


def workers_of(cluster: Cluster) -> list[int]:
    """Process ids of the workers that the scheduler would give tasks to."""
    with Client(cluster.address, set_as_default=False) as client:

        def running(dask_scheduler: Any) -> list[str]:
            return [worker.address for worker in dask_scheduler.running]

        addresses: Any = client.run_on_scheduler(running)
        pids: Any = client.run(os.getpid, workers=addresses)
        return list(pids.values())


def test_workers_that_join_late_raise_the_number_of_tasks_at_once(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    cluster.add_worker()
    with connected(cluster, tmp_path) as executor:
        assert executor.workers == 1
        cluster.add_worker()
        eventually(lambda: executor.workers == 2, "the late worker")
        found = list(executor.run(partial(run_scripted, tmp_path, {}), TASKS))
        assert len({outcome.pid for outcome in found}) == 2


def test_a_paused_worker_is_named_once_and_the_run_goes_on_when_it_resumes(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    cluster = start_cluster()
    cluster.add_worker(options=["--memory-limit", "1GiB"])
    notes: list[str] = []

    def free_some(note: str) -> None:
        notes.append(note)
        (tmp_path / RELEASE).touch()

    with connected(cluster, tmp_path, free_some) as executor:
        assert outcomes(executor, tmp_path, {3: ["hoard"]}) == ALL
    (note,) = notes
    assert re.match(r"worker tcp://[\d.:]+ is paused by Dask, since it fills most of its 1024 MiB", note)
    assert "give workers more memory" in note


def test_a_flow_that_connects_is_told_of_a_worker_that_is_already_paused(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    (first := tmp_path / "first").mkdir()
    (second := tmp_path / "second").mkdir()
    cluster = start_cluster()
    cluster.add_worker(options=["--memory-limit", "1GiB"])
    with (
        connected(cluster, first, lambda _: None) as executor,
        ThreadPoolExecutor(1) as thread,
    ):
        hoarding = thread.submit(outcomes, executor, first, {3: ["hoard"]})
        try:
            eventually(lambda: running(cluster) == 0, "the pause")
            with (
                pytest.raises(UnavailableError, match=r"is paused by Dask, .*: give workers more memory"),
                connected(cluster, second, timeout_seconds=10.0),
            ):
                pass
            cluster.add_worker()
            heard: list[str] = []
            with connected(cluster, second, heard.append):
                assert ["is paused by Dask" in news for news in heard] == [True]
        finally:
            (first / RELEASE).touch()
        assert hoarding.result(60) == ALL


def running(cluster: Cluster) -> int:
    """Workers that the scheduler would give tasks to."""
    with Client(cluster.address, set_as_default=False) as client:

        def count(dask_scheduler: Any) -> int:
            return len(dask_scheduler.running)

        found: Any = client.run_on_scheduler(count)
        return found


def test_after_a_lost_connection_the_tasks_are_submitted_again(two_workers: Cluster, tmp_path: Path) -> None:
    with connected(two_workers, tmp_path) as executor:
        assert isinstance(executor, DaskExecutor)
        client: Any = executor._client
        found = executor.run(partial(run_scripted, tmp_path, {}), TASKS)
        sums = [next(found).receipt.report["sum"]]
        client.loop.add_callback(client.scheduler_comm.comm.abort)
        eventually(lambda: client.status == "connecting" or not client.futures, "a lost connection")
        sums.extend(outcome.receipt.report["sum"] for outcome in found)
        assert sorted(sums) == sorted(ALL.values())


def test_nothing_is_left_on_a_cluster_whose_flow_was_killed(two_workers: Cluster, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tripletmine.pipeline.runfile.run_spec import ClusterSpec\n"
        "from tripletmine.pipeline.workers.open import open_executor\n"
        "spec = ClusterSpec(kind='dask', address=sys.argv[1], timeout_seconds=120.0)\n"
        "with open_executor(spec, Path(sys.argv[2])):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, two_workers.address, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as flow:
        assert flow.stdout is not None
        assert flow.stdout.readline() == b"open\n"
        assert plugins_of(two_workers)
        flow.kill()
    eventually(lambda: not plugins_of(two_workers), "a cluster without plugins")
    assert [path.name[:7] for path in tmp_path.iterdir()] == [".token-"]
    with connected(two_workers, tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
    assert not plugins_of(two_workers)


def plugins_of(cluster: Cluster) -> list[str]:
    """Our plugins on the scheduler."""

    def names(dask_scheduler: Any) -> list[str]:
        return [*dask_scheduler.worker_plugins, *dask_scheduler.plugins]

    with Client(cluster.address, set_as_default=False) as client:
        found: Any = client.run_on_scheduler(names)
        return [name for name in found if name.startswith("tripletmine")]


@pytest.mark.system
def test_a_worker_that_does_not_share_the_directory_is_refused(
    start_cluster: Callable[[], Cluster], tmp_path: Path
) -> None:
    """On the worker, another disk is mounted at the same path."""
    shared = tmp_path / "shared"
    (shared / "run").mkdir(parents=True)
    other_disk = f'mount -t tmpfs none "{shared}" && mkdir "{shared}/run" && exec "$0" "$@"'
    cluster = start_cluster()
    cluster.add_worker("unshare", "-rm", "sh", "-c", other_disk)
    with (
        pytest.raises(
            UnavailableError, match=r"worker tcp://.* does not see the run directory .*: put run\.directory"
        ),
        connected(cluster, shared / "run"),
    ):
        pass
    assert list((shared / "run").iterdir()) == []


def test_workers_of_our_own_come_and_go_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = set(psutil.Process().children(recursive=True))
    spec = ClusterSpec(kind="local", workers=2, worker_memory_mib=1024)
    with open_executor(spec, tmp_path) as executor:
        assert (executor.workers, executor.memory_mib) == (2, 819)
        assert [executor.threads(tasks) for tasks in (0, 1, 2, 100)] == [1, 1, 1, 1]
        assert outcomes(executor, tmp_path, {}) == ALL
        # As a terminal does on Ctrl-C, which only our own process handles.
        for process in started_since(before):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        assert outcomes(executor, tmp_path, {}) == ALL

    eventually(lambda: not started_since(before), "the end of all that was started")
    output = capfd.readouterr()
    assert (output.out, output.err) == ("", "")


def started_since(before: set[psutil.Process]) -> list[psutil.Process]:
    """Processes below this one that were not there before. Python's resource tracker stays as long as its process."""
    found = []
    for process in set(psutil.Process().children(recursive=True)) - before:
        # One that ends meanwhile has no command line any more.
        with suppress(psutil.NoSuchProcess):
            if "resource_tracker" not in " ".join(process.cmdline()):
                found.append(process)
    return found
