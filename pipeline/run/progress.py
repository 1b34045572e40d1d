"""How a run tells what it is doing; the command line draws a bar from it, tests count with it."""

from typing import Protocol


class Progress(Protocol):
    """Receives what happens, in the flow's own process and thread."""

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in all, `done` of them kept from a run that was broken off."""

    def advance(self, rows: int) -> None:
        """More rows are done."""

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """The stage is committed, or was found to be."""

    def note(self, text: str) -> None:
        """Something that a person would want to know."""


class Silent:
    """Says nothing."""

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """Nothing."""

    def advance(self, rows: int) -> None:
        """Nothing."""

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
