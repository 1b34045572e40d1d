"""Run kernels over ranges of rows in threads.

The kernels release the GIL, so plain threads run them in parallel. numba's own ``parallel=True`` is not used: its
thread count is capped when the process starts, its threading layers abort when two Python threads (as of a Dask worker)
enter them at once, and its pool would compete with that of the BLAS.
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
"""More ranges than threads, so that a slow thread does not hold up the others."""

_SMALLEST_RANGE = 64


def over_rows(
    kernel: Callable[[int, int], object], rows: int, threads: int, *, step: int | None = None
) -> None:
    """Call ``kernel(start, stop)`` in threads, on ranges that cover [0, rows). step: rows per range.

    The kernel must write only what belongs to its own rows, and a row's result must depend on that row alone: then the
    outcome is the same at any number of threads. When a range raises, ranges not yet begun are dropped, and the error
    is raised once those under way have ended.
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
    """A read-only plain view, so that numba compiles one version for memory maps, read-only and writable arrays."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def usable_threads() -> int:
    """The number of threads to use: OMP_NUM_THREADS if set, as for other numerical libraries, else ``usable_cores()``.

    More threads than cores are slower: those of a matrix product spin while they wait for one that is not running.
    """
    told = os.environ.get("OMP_NUM_THREADS", "").strip()
    return int(told) if told.isdecimal() and int(told) > 0 else usable_cores()


def usable_cores() -> int:
    """Cores that this process may use: fewer than the machine's under `taskset`, a scheduler or a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = cores_limit()
    return cores if limit is None else max(1, min(cores, limit))
