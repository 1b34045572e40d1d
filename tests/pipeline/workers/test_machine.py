"""What is planned under limits of memory and cores: with given limits, and in a real control group."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tripletmine.mining.compute import machine
from tripletmine.pipeline.runfile.run_spec import ClusterSpec
from tripletmine.pipeline.workers.open import open_executor
from tripletmine.pipeline.workers.serial import SerialExecutor

MIB = 2**20
GROUPS = Path("/sys/fs/cgroup")
REPORT = """
import json, sys
from pathlib import Path
from tripletmine.mining.compute.threads import usable_cores
from tripletmine.pipeline.runfile.run_spec import ClusterSpec
from tripletmine.pipeline.workers.open import open_executor

if __name__ == "__main__":
    found = {"cores": usable_cores()}
    for kind in ("serial", "local"):
        with open_executor(ClusterSpec(kind=kind), Path(sys.argv[1])) as executor:
            found[kind] = [executor.workers, executor.memory_mib, executor.threads(1)]
    print(json.dumps(found))
"""


@pytest.mark.parametrize(("limit", "mib"), [(512 * MIB, 512), (512 * MIB - 1, 511)])
def test_tasks_are_planned_with_the_memory_that_is_left(
    limit: int, mib: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory_limit", lambda: limit)
    assert SerialExecutor().memory_mib == machine.machine_memory_mib() == mib


@pytest.mark.parametrize("limit", [None, 2**62])
def test_without_a_limit_it_is_all_of_the_machine(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "memory_limit", lambda: limit)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine.machine_memory_mib() == pages // MIB


@pytest.mark.usefixtures("forked_workers")
def test_workers_of_our_own_share_the_cores_and_the_memory_that_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tripletmine.pipeline.workers.dask.usable_cores", lambda: 1)
    monkeypatch.setattr(machine, "memory_limit", lambda: 700 * MIB)
    with open_executor(ClusterSpec(kind="local"), tmp_path) as executor:
        assert (executor.workers, executor.memory_mib) == (1, 560)


@pytest.fixture
def limited() -> Iterator[list[Path]]:
    """The cgroup.procs of real control groups with 1500 MiB of memory and half a core."""
    name = f"tripletmine-test-{os.getpid()}"
    first = (GROUPS / "memory").is_dir()
    if not first:
        try:
            (GROUPS / "cgroup.subtree_control").write_text("+memory +cpu")
        except OSError as error:
            pytest.skip(f"{GROUPS} gives no memory and cpu to groups below it: {error}")
    folders = [GROUPS / "memory" / name, GROUPS / "cpu" / name] if first else [GROUPS / name]
    try:
        for folder in folders:
            folder.mkdir()
        if first:
            (folders[0] / "memory.limit_in_bytes").write_text(str(1500 * MIB))
            (folders[1] / "cpu.cfs_quota_us").write_text("50000")
        else:
            (folders[0] / "memory.max").write_text(str(1500 * MIB))
            (folders[0] / "cpu.max").write_text("50000 100000")
        yield [folder / "cgroup.procs" for folder in folders]
    finally:
        for folder in folders:
            # The resource tracker of Dask's processes ends just after them.
            psutil.wait_procs([each for each in psutil.process_iter() if each.pid in members(folder)], 20)
            folder.rmdir()


def members(folder: Path) -> set[int]:
    return {int(pid) for pid in (folder / "cgroup.procs").read_text().split()}


@pytest.mark.system
def test_a_process_in_a_control_group_plans_with_its_limits(limited: list[Path], tmp_path: Path) -> None:
    script = tmp_path / "report.py"
    script.write_text(REPORT)
    entering = " && ".join(f"echo $$ > {path}" for path in limited)
    # Without OMP_NUM_THREADS, which would have the last word.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ended = subprocess.run(
        ["sh", "-c", f'{entering} && exec "$0" "$@"', sys.executable, str(script), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ended.stdout)
    assert found == {"cores": 1, "serial": [1, 1500, 1], "local": [1, 1200, 1]}
