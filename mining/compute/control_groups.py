"""What Linux leaves to this process of the machine: the limits of its control groups, in versions 1 and 2.

Containers, services and batch systems set them. loky, dask and distributed look only where a container with a view of
its own has them; those of a service or of a batch job lie below, on the path of the process, which is followed here.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("sys/fs/cgroup")


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the tightest limit leaves to this process and its neighbours in the group; None without a limit.

    root: where `proc` and `sys` lie.
    """
    names = ("memory.max", "memory.high", "memory.limit_in_bytes")
    said = [text for name in names for text in _said(root, "memory", name)]
    return min((int(text) for text in said if text.isdecimal()), default=None)


def cores_limit(root: Path = Path("/")) -> int | None:
    """Cores that the tightest quota of processor time pays for, rounded up; None without a quota.

    root: where `proc` and `sys` lie.
    """
    said = [*_said(root, "cpu", "cpu.max"), *_said(root, "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us")]
    pairs = [text.split() for text in said]
    # Where there is no quota, version 2 says `max` and version 1 says -1.
    return min(
        (math.ceil(int(quota) / int(period)) for quota, period in pairs if quota.isdecimal()), default=None
    )


def _said(root: Path, controller: str, *names: str) -> Iterator[str]:
    """What the files say, one after the other, in each group that holds this process: the limits of all count."""
    for folder in _folders(root, controller):
        try:
            yield " ".join((folder / name).read_text().strip() for name in names)
        except OSError:
            # The topmost group has no limits, and a container may see its own in place of the topmost.
            continue


def _folders(root: Path, controller: str) -> Iterator[Path]:
    try:
        lines = os.fsdecode((root / "proc/self/cgroup").read_bytes()).splitlines()
    except OSError:
        return
    for line in lines:
        # `4:cpu,cpuacct:/path` is a hierarchy of version 1, `0::/path` the one of version 2.
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
