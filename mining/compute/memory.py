"""A memory budget, turned into block sizes before the work begins."""

import math
from dataclasses import dataclass

from ..errors import InputError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be allocated. mib: the whole budget, None for no limit; subject: what the errors call
    the user. taken: bytes."""

    mib: float | None
    subject: str
    taken: int = 0

    @property
    def left_mib(self) -> float | None:
        """What may still be allocated, None for no limit."""
        return None if self.mib is None else self.mib - self.taken / MIB

    def take(self, nbytes: int, what: str) -> "Budget":
        """The budget after ``nbytes`` for something that is needed whole. Raises: InputError when they do not fit."""
        taken = self.taken + nbytes
        if self.mib is not None and taken > self.mib * MIB:
            needed = math.ceil(100 * taken / MIB) / 100
            # By how much: `mib` may be what others have left of what the user gave.
            raise InputError(
                f"memory_mib leaves {self.mib:.4g} MiB to {self.subject}, which needs {needed:g} MiB with "
                f"{what}: raise memory_mib by at least {math.ceil(needed - self.mib)}"
            )
        return Budget(self.mib, self.subject, taken)

    def rows(self, row_bytes: int, *, at_most: int, at_least: int = 1) -> int:
        """How many rows of a block fit. Raises: InputError when not even ``at_least`` (or all, if fewer) do."""
        at_most = max(1, at_most)
        if self.mib is None:
            return at_most
        least = min(at_least, at_most)
        self.take(least * row_bytes, f"its smallest block ({least} rows)")
        return min(at_most, int(self.mib * MIB - self.taken) // max(1, row_bytes))
