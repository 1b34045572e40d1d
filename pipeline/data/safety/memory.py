"""What is to be read is compared with the machine's memory before anything is allocated."""

from ....mining.compute.machine import machine_memory_mib
from ...errors import DataError


def require_memory(nbytes: int, subject: str, what: str) -> None:
    """Raises: DataError where `nbytes` are more than this machine has. what: needs them, as "its 10 rows"."""
    limit = machine_memory_mib() * 2**20
    if nbytes > limit:
        raise DataError(
            f"{subject}: {what} need {_size(nbytes)} of memory but this machine has {_size(limit)}: restore the file "
            "if it is damaged, else split it, or use a larger machine"
        )


def _size(nbytes: int) -> str:
    return f"{nbytes / 2**20:,.0f} MiB" if nbytes < 2**40 else f"{nbytes / 2**40:,.0f} TiB"
