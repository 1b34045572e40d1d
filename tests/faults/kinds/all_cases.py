"""Every case, in the order of the table."""

from collections.abc import Iterator

from ..cases import Case
from . import damage, dask_faults, disk, interrupts, kills, together

_MODULES = (kills, damage, disk, dask_faults, together, interrupts)


def all_cases() -> Iterator[Case]:
    """All kinds of fault."""
    for module in _MODULES:
        yield from module.cases()
