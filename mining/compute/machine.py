"""The memory of this machine, as far as it is ours."""

import os

from .control_groups import memory_limit


def machine_memory_mib() -> int:
    """Physical memory, or what a container, a service or a batch job may have of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit()
    return (memory if limit is None else min(memory, limit)) // 2**20
