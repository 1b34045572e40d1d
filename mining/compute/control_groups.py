"""Memory and CPU limits that Linux sets for this process by control groups, versions 1 and 2.

Containers, services and batch systems set such limits. loky, dask and distributed only read the top of the hierarchy,
where a container sees its own. The limits of a service or a batch job are further down: this module reads all groups on
the path of the process.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("sys/fs/cgroup")


def memory_limit(root: Path = Path("/")) -> int | None:
    """The lowest memory limit in bytes of the groups that hold this process; None without a limit.

    root: the folder of `proc` and `sys`.
    """
    names = ("memory.max", "memory.high", "memory.limit_in_bytes")
    said = [text for name in names for text in _said(root, "memory", name)]
    return min((int(text) for text in said if text.isdecimal()), default=None)


def cores_limit(root: Path = Path("/")) -> int | None:
    """The lowest CPU quota of the groups that hold this process, in cores, rounded up; None without a quota.

    root: the folder of `proc` and `sys`.
    """
    said = [*_said(root, "cpu", "cpu.max"), *_said(root, "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
    pairs = [text.split() for text in said]
    # Without a quota, version 2 says `max` and version 1 says -1.
    return min(
        (math.ceil(int(quota) / int(period)) for quota, period in pairs if quota.isdecimal()), default=None
    )


def _said(root: Path, controller: str, *names: str) -> Iterator[str]:
    """The contents of the files `names`, joined by spaces, of each group that holds this process: all limits apply."""
    for folder in _folders(root, controller):
        try:
            yield " ".join((folder / name).read_text().strip() for name in names)
        except OSError:
            # The root group has no such files, but in a container its own group may stand in its place.
            continue


def _folders(root: Path, controller: str) -> Iterator[Path]:
    try:
        lines = os.fsdecode((root / "proc/self/cgroup").read_bytes()).splitlines()
    except OSError:
        return
    for line in lines:
        # `4:cpu,cpuacct:/path` is a hierarchy of version 1, `0::/path` that of version 2.
        _, controllers, path = line.split(":", 2)
        if not controllers:
            tops = [root / _GROUPS, root / _GROUPS / "unified"]
        elif controller in controllers.split(","):
            tops = [root / _GROUPS / controller]
        else:
            continue
        groups = [Path(path), *Path(path).parents]
        for top in tops:
            yield from (top / group.relative_to("/") for group in groups if ".." not in group.parts)
