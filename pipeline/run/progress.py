"""The interface through which a run reports its progress. The command line draws a bar from it."""

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a run, in the process and thread that run it."""

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in total, of which `done` were finished before an interruption."""

    def advance(self, rows: int) -> None:
        """More rows are done."""

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """The stage is committed, now or (skipped) earlier."""

    def note(self, text: str) -> None:
        """A remark for the user."""


class Silent:
    """Ignores everything."""

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """Nothing."""

    def advance(self, rows: int) -> None:
        """Nothing."""

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
