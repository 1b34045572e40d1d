"""Report the progress of a run to the terminal and, as a progress artifact of the current stage, to Prefect."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from ..pipeline.run.progress import Progress
from .recording import Recording

SECONDS = 2.0
"""Least time between two updates, because each is a request to the server."""


@dataclass
class StageProgress:
    """Implements `Progress`: passes everything to `shown`, and now and then the share of finished rows to Prefect.

    clock: returns seconds.
    """

    shown: Progress
    recording: Recording
    clock: Callable[[], float] = time.monotonic
    _artifact: UUID | None = field(default=None, init=False)
    _rows: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)
    _told: float = field(default=0.0, init=False)

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in total, of which `done` were finished before an interruption."""
        self.shown.stage_started(title, rows, done)
        self._artifact, self._rows, self._done = None, rows, done
        if done < rows:
            self.recording.tell(lambda: self._create(title))

    def advance(self, rows: int) -> None:
        """More rows are done."""
        self.shown.advance(rows)
        self._done += rows
        if self.clock() - self._told >= SECONDS:
            self._update(self._share)

    def stage_ended(self, title: str, seconds: float, skipped: bool) -> None:
        """The stage is committed, now or (skipped) earlier."""
        self._update(100.0)
        self._artifact = None
        self.shown.stage_ended(title, seconds, skipped)

    def note(self, text: str) -> None:
        """A remark for the user."""
        self.shown.note(text)

    @property
    def _share(self) -> float:
        return min(100.0, 100.0 * self._done / max(self._rows, 1))

    def _create(self, title: str) -> None:
        created = create_progress_artifact(self._share, description=f"{title}: {self._rows:,} rows")
        # In a synchronous flow this is the id itself, not a coroutine.
        self._artifact = created if isinstance(created, UUID) else None
        self._told = self.clock()

    def _update(self, share: float) -> None:
        if (artifact := self._artifact) is not None:
            self.recording.tell(lambda: update_progress_artifact(artifact, progress=share))
            self._told = self.clock()
