"""What a run tells in the terminal: one bar for the stage at work, one line for each stage that ended."""

import sys
import time
from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from .plain import plain

PLAIN_SECONDS = 15.0
"""Without a terminal, a line about a stage at work comes at most this often."""


class TerminalProgress:
    """pipeline's Progress, drawn with rich on a terminal and as plain lines into anything else.

    A context manager: the bar is taken away at the end, whatever ended the run. `clock` counts seconds.
    """

    def __init__(
        self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        self._clock = clock
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._title = ""
        self._rows = 0
        self._done = 0
        self._spoke = 0.0
        self._skipped: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()
        self._tell_skipped()

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in all, `done` of them kept from a run that was broken off."""
        self._clear()
        self._title, self._rows, self._done, self._spoke = title, rows, done, self._clock()
        if done >= rows:
            return
        self._tell_skipped()
        if done:
            self.note(f"{title}: continues with {done:,} of {rows:,} rows done")
        if self._console.is_terminal:
            self._task = self._bar.add_task(title, total=rows, completed=done)
            self._bar.start()

    def advance(self, rows: int) -> None:
        """More rows are done."""
        self._done += rows
        if self._task is not None:
            self._bar.advance(self._task, rows)
        elif self._clock() - self._spoke >= PLAIN_SECONDS and self._done < self._rows:
            self._spoke = self._clock()
            share = 100 * self._done // self._rows
            self.note(f"{self._title}: {share} % ({self._done:,} of {self._rows:,} rows)")

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """The stage is committed, or was found to be."""
        self._clear()
        if skipped:
            # A run of many epochs that is continued would begin with as many lines.
            self._skipped.append(title)
        else:
            self.note(f"{title}: done in {seconds:.1f} s")

    def note(self, text: str) -> None:
        """One line with the time of day; above the bar, where there is one."""
        self._tell_skipped()
        self._console.print(f"{time.strftime('%H:%M:%S')} {plain(text)}", markup=False, emoji=False)

    def _tell_skipped(self) -> None:
        if self._skipped:
            first, last, count = self._skipped[0], self._skipped[-1], len(self._skipped)
            self._skipped = []
            self.note(f"already there: {first}" + (f" to {last}, {count} stages" if count > 1 else ""))

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.stop()
            self._bar.remove_task(self._task)
            self._task = None
