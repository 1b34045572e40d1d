"""What a run tells in the terminal: a live table of its epochs above one bar, and one line for all that ended."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ...pipeline.errors import PipelineError
from ...pipeline.plain import plain
from ...pipeline.run.status import RunStatus, read_status
from .epoch_lines import epoch_line, epoch_table, is_complete, seconds_left
from .tables import duration

PLAIN_SECONDS = 15.0
"""Without a terminal, a line about a stage at work comes at most this often."""

_OTHER_LINES = 6
"""Of the screen: head and rule of the table, the bar, and some notes above them."""


class TerminalProgress:
    """pipeline's Progress, drawn with rich on a terminal and as plain lines into anything else.

    A context manager: the bar is taken away at the end, and the table too, unless an error ended the run.
    `clock` counts seconds.
    """

    def __init__(
        self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())
        self._clock = clock
        self._root: Path | None = None
        self._found: RunStatus | None = None
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[run]}", markup=False),
            console=self._console,
        )
        self._live = Live(console=self._console, get_renderable=self._drawn)
        self._task: TaskID | None = None
        self._title = ""
        self._rows = 0
        self._done = 0
        self._spoke = 0.0
        self._skipped: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._clear()
        self._live.transient = error is None
        self._live.stop()
        self._tell_skipped()

    def follow(self, root: Path) -> None:
        """Show the epochs of the run in this directory from now on."""
        self._root = root
        self._look()

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in all, `done` of them kept from a run that was broken off."""
        self._clear()
        self._title, self._rows, self._done, self._spoke = title, rows, done, self._clock()
        if done >= rows:
            return
        self._tell_skipped()
        if done:
            self.note(f"{title}: continues with {done:,} of {rows:,} rows done")
        if self._console.is_interactive:
            self._look()
            left = seconds_left(self._found) if self._found else None
            whole = "" if left is None else f"· run: {duration(left)}"
            self._task = self._bar.add_task(title, total=rows, completed=done, run=whole)
            self._live.start()
            # Else a stage shorter than a refresh of the screen would never be seen.
            self._live.refresh()

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
            before, found = self._found, self._look()
            if not self._console.is_interactive:
                for line in new_epochs(before, found):
                    self.note(line)

    def note(self, text: str) -> None:
        """One line with the time of day; above the table, where there is one."""
        self._tell_skipped()
        self._console.print(f"{time.strftime('%H:%M:%S')} {plain(text)}", markup=False, emoji=False)

    def _tell_skipped(self) -> None:
        if self._skipped:
            first, last, count = self._skipped[0], self._skipped[-1], len(self._skipped)
            self._skipped = []
            self.note(f"already there: {first}" + (f" to {last}, {count} stages" if count > 1 else ""))

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def _look(self) -> RunStatus | None:
        """Read the figures again. What is damaged there, the run itself will say; a picture of it must not."""
        if self._root is not None:
            try:
                self._found = read_status(self._root)
            except (OSError, PipelineError):
                return self._found
        return self._found

    def _drawn(self) -> Group:
        if self._found is None:
            return Group(self._bar)
        return Group(epoch_table(self._found, max(self._console.height - _OTHER_LINES, 1)), self._bar)


def new_epochs(before: RunStatus | None, found: RunStatus | None) -> list[str]:
    """A line for each epoch that is complete in `found` and was not `before`."""
    if found is None:
        return []
    known = {epoch.number for epoch in before.epochs if is_complete(epoch)} if before else set()
    return [epoch_line(epoch) for epoch in found.epochs if is_complete(epoch) and epoch.number not in known]
