"""A run's progress, told to the terminal and, as a progress artifact of the stage at work, to Prefect."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from ..pipeline.run.progress import Progress
from .recording import Recording

SECONDS = 2.0
"""Between two updates: each is a request to the server."""


@dataclass
class StageProgress:
    """pipeline's Progress: `shown` hears everything, Prefect a share of the rows now and then.

    clock: counts seconds.
    """

    shown: Progress
    recording: Recording
    clock: Callable[[], float] = time.monotonic
    _artifact: UUID | None = field(default=None, init=False)
    _rows: int = field(default=0, init=False)
    _done: int = field(default=0, init=False)
    _told: float = field(default=0.0, init=False)

    def stage_started(self, title: str, rows: int, done: int) -> None:
        """A stage begins: `rows` of work in all, `done` of them kept from a run that was broken off."""
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
        """The stage is committed, or was found to be."""
        self._update(100.0)
        self._artifact = None
        self.shown.stage_ended(title, seconds, skipped)

    def note(self, text: str) -> None:
        """Something that a person would want to know."""
        self.shown.note(text)

    @property
    def _share(self) -> float:
        return min(100.0, 100.0 * self._done / max(self._rows, 1))

    def _create(self, title: str) -> None:
        created = create_progress_artifact(self._share, description=f"{title}: {self._rows:,} rows")
        # Within a flow that is not asynchronous it is the id itself.
        self._artifact = created if isinstance(created, UUID) else None
        self._told = self.clock()

    def _update(self, share: float) -> None:
        if (artifact := self._artifact) is not None:
            self.recording.tell(lambda: update_progress_artifact(artifact, progress=share))
            self._told = self.clock()
