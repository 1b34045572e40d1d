"""The memory that this process may use."""

import os

from .control_groups import memory_limit


def machine_memory_mib() -> int:
    """Physical memory in MiB, or the limit of the container, service or batch job if that is lower."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit()
    return (memory if limit is None else min(memory, limit)) // 2**20
