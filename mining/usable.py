"""How many threads this process should use."""

import os


def usable_threads() -> int:
    """What OMP_NUM_THREADS says where it is set, as for any numerical library, else one for each core left to us.

    The cores left are fewer than the machine's under a scheduler or `taskset`. Threads beyond them are worse than
    none: those of a matrix product spin while they wait for one that does not run.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").strip()
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
