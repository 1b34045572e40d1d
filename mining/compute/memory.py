"""A memory budget, turned into block sizes before the work begins."""

from dataclasses import dataclass

from ..errors import InputError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be allocated. mib: the whole budget, None for no limit; subject: what the errors call
    the user."""

    mib: int | None
    subject: str
    taken: int = 0

    def __post_init__(self) -> None:
        if self.mib is not None and self.mib < 1:
            raise InputError(f"memory_mib is {self.mib}: it must be at least 1")

    @property
    def left_mib(self) -> int | None:
        """What may still be allocated, None for no limit; at least 1, so that what needs more says so itself."""
        return None if self.mib is None else max(1, (self.mib * MIB - self.taken) // MIB)

    def take(self, nbytes: int, what: str) -> "Budget":
        """The budget after ``nbytes`` for something that is needed whole. Raises: InputError when they do not fit."""
        taken = self.taken + nbytes
        if self.mib is not None and taken > self.mib * MIB:
            needed = -(-taken // MIB)
            raise InputError(
                f"memory_mib is {self.mib}, but {self.subject} needs {needed} MiB with {what}: raise memory_mib to at "
                f"least {needed}, or split the set into more parts"
            )
        return Budget(self.mib, self.subject, taken)

    def rows(self, row_bytes: int, *, at_most: int, at_least: int = 1) -> int:
        """How many rows of a block fit. Raises: InputError when not even ``at_least`` (or all, if fewer) do."""
        at_most = max(1, at_most)
        if self.mib is None:
            return at_most
        least = min(at_least, at_most)
        self.take(least * row_bytes, f"its smallest block ({least} rows)")
        return min(at_most, (self.mib * MIB - self.taken) // max(1, row_bytes))
