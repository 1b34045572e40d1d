"""Limits of control groups, read from trees of files as Linux shows them."""

import os
from pathlib import Path

import pytest
from tripletmine.mining.compute import threads
from tripletmine.mining.compute.control_groups import cores_limit, memory_limit

GIB = 2**30
UNLIMITED = "9223372036854771712"
"""What version 1 shows where memory has no limit."""


def tree(root: Path, paths: str, **files: str) -> Path:
    """A file system with /proc/self/cgroup and files below /sys/fs/cgroup; `__` in a name stands for `/`."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(paths)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def test_a_container_of_version_2_sees_its_limits_at_the_top(tmp_path: Path) -> None:
    root = tree(
        tmp_path, "0::/\n", **{"memory.max": str(2 * GIB), "memory.high": "max", "cpu.max": "200000 100000"}
    )
    assert (memory_limit(root), cores_limit(root)) == (2 * GIB, 2)


def test_a_service_of_version_2_has_limits_along_its_path_and_the_tightest_counts(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "0::/jobs/17/step\n",
        **{
            "jobs__memory.max": str(8 * GIB),
            "jobs__17__memory.max": str(3 * GIB),
            "jobs__17__memory.high": str(2 * GIB),
            "jobs__17__step__memory.max": str(5 * GIB),
            "jobs__cpu.max": "150000 100000",
            "jobs__17__cpu.max": "max 100000",
            "jobs__17__step__cpu.max": "800000 100000",
            "other__memory.max": "1",
            "other__cpu.max": "1000 100000",
        },
    )
    assert (memory_limit(root), cores_limit(root)) == (2 * GIB, 2)


def test_version_1_has_a_hierarchy_for_each_controller(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "9:memory:/jobs/17\n4:cpu,cpuacct:/batch\n1:name=systemd:/x:y\n0::/\n",
        **{
            "memory__memory.limit_in_bytes": UNLIMITED,
            "memory__jobs__17__memory.limit_in_bytes": str(GIB),
            "cpu__batch__cpu.cfs_quota_us": "250000",
            "cpu__batch__cpu.cfs_period_us": "50000",
        },
    )
    assert (memory_limit(root), cores_limit(root)) == (GIB, 5)


def test_a_container_of_version_1_sees_its_own_group_at_the_top_whatever_its_path_says(
    tmp_path: Path,
) -> None:
    root = tree(
        tmp_path,
        "9:memory:/docker/0a1b\n4:cpu:/docker/0a1b\n",
        **{
            "memory__memory.limit_in_bytes": str(GIB),
            "cpu__cpu.cfs_quota_us": "50000",
            "cpu__cpu.cfs_period_us": "100000",
        },
    )
    assert (memory_limit(root), cores_limit(root)) == (GIB, 1)


def test_a_path_outside_of_what_is_seen_is_not_followed(tmp_path: Path) -> None:
    root = tree(
        tmp_path / "inner", "0::/../../other\n", **{"memory.max": str(GIB), "cpu.max": "100000 100000"}
    )
    outside = tmp_path / "inner/sys/other"
    outside.mkdir()
    (outside / "memory.max").write_text("1\n")
    assert (memory_limit(root), cores_limit(root)) == (GIB, 1)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"memory.max": "max", "memory.high": "max", "cpu.max": "max 100000"},
        {"cpu__cpu.cfs_quota_us": "-1", "cpu__cpu.cfs_period_us": "100000"},
        {"cpu__cpu.cfs_quota_us": "100000"},
    ],
)
def test_no_limit_is_none(files: dict[str, str], tmp_path: Path) -> None:
    root = tree(tmp_path, "4:cpu:/\n0::/\n", **files)
    assert (memory_limit(root), cores_limit(root)) == (None, None)


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert (memory_limit(tmp_path), cores_limit(tmp_path)) == (None, None)


@pytest.mark.parametrize(("limit", "cores"), [(None, 4), (3, 3), (9, 4), (0, 1)])
def test_a_quota_leaves_fewer_cores(limit: int | None, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(threads, "cores_limit", lambda: limit)
    assert threads.usable_cores() == threads.usable_threads() == cores
