"""Compare the memory that reading needs with the machine's, before anything is allocated."""

from ....mining.compute.machine import machine_memory_mib
from ...errors import DataError


def require_memory(nbytes: int, subject: str, what: str) -> None:
    """Raise DataError if this machine has less than `nbytes` of memory. what: needs them, such as "its 10 rows"."""
    limit = machine_memory_mib() * 2**20
    if nbytes > limit:
        raise DataError(
            f"{subject}: {what} need {_size(nbytes)} of memory but this machine has {_size(limit)}: restore the file "
            "if it is damaged, otherwise split it, or use a larger machine"
        )


def _size(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.0f} MiB" if nbytes < 2**40 else f"{nbytes / 2**40:,.0f} TiB"
