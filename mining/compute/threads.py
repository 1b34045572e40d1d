"""Row ranges over threads.

The kernels release the GIL, so plain threads run them side by side. numba's own ``parallel=True`` is not
used: its thread count is capped when the process starts, its layers abort when two Python threads enter
them at once (as the threads of a Dask worker do), and its pool would compete with that of the BLAS.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .control_groups import cores_limit

Scalar = TypeVar("Scalar", bound=np.generic)

_RANGES_PER_THREAD = 8
"""More ranges than threads, so that a thread that is held up does not hold up the others."""

_SMALLEST_RANGE = 64


def over_rows(
    kernel: Callable[[int, int], object], rows: int, threads: int, *, step: int | None = None
) -> None:
    """Call ``kernel(start, stop)`` on ranges that cover [0, rows), of ``step`` rows each where that is given.

    The kernel writes only what belongs to its own rows, and a row's result depends on nothing but the row:
    then the outcome is the same at any number of threads. When a range raises, ranges not yet begun are
    dropped and its error is raised after those under way have ended.
    """
    if step is None:
        step = rows if threads == 1 else max(_SMALLEST_RANGE, -(-rows // (threads * _RANGES_PER_THREAD)))
    ranges = [(start, min(start + step, rows)) for start in range(0, rows, max(1, step))]
    if threads == 1 or len(ranges) <= 1:
        for start, stop in ranges:
            kernel(start, stop)
        return
    with ThreadPoolExecutor(min(threads, len(ranges)), thread_name_prefix="tripletmine") as pool:
        futures = [pool.submit(kernel, start, stop) for start, stop in ranges]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """A read-only plain view: memory maps, read-only and writable arrays then share one compiled version."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def usable_threads() -> int:
    """What OMP_NUM_THREADS says where it is set, as for any numerical library, else one for each core left to us.

    Threads beyond these are worse than none: those of a matrix product spin while they wait for one that does not run.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").strip()
    return int(told) if told.isdecimal() and int(told) > 0 else usable_cores()


def usable_cores() -> int:
    """Cores left to this process: fewer than the machine's under `taskset`, a scheduler or a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = cores_limit()
    return cores if limit is None else max(1, min(cores, limit))
