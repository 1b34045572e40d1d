"""Memory budgets, and the block sizes that fit them."""

import math
from dataclasses import dataclass

from ..errors import InputError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """A memory budget. mib: the whole of it, None for no limit. subject: what uses the memory, for error messages.
    taken: bytes taken so far."""

    mib: float | None
    subject: str
    taken: int = 0

    @property
    def left_mib(self) -> float | None:
        """MiB that may still be allocated, None for no limit."""
        return None if self.mib is None else self.mib - self.taken / MIB

    def take(self, nbytes: int, what: str) -> "Budget":
        """The budget after allocating ``nbytes`` for ``what``. Raises: InputError when they do not fit."""
        taken = self.taken + nbytes
        if self.mib is not None and taken > self.mib * MIB:
            needed = math.ceil(100 * taken / MIB) / 100
            # Say by how much, since `mib` may be only what is left of the user's memory_mib.
            raise InputError(
                f"memory_mib leaves {self.mib:.4g} MiB to {self.subject}, which needs {needed:g} MiB with "
                f"{what}: raise memory_mib by at least {math.ceil(needed - self.mib)}"
            )
        return Budget(self.mib, self.subject, taken)

    def rows(self, row_bytes: int, *, at_most: int, at_least: int = 1) -> int:
        """The number of rows of a block that fit, at most ``at_most``.

        Raises: InputError when not even ``at_least`` (or ``at_most``, if that is less) fit.
        """
        at_most = max(1, at_most)
        if self.mib is None:
            return at_most
        least = min(at_least, at_most)
        self.take(least * row_bytes, f"its smallest block ({least} rows)")
        return min(at_most, int(self.mib * MIB - self.taken) // max(1, row_bytes))
