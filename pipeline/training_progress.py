"""Checkpoints within an epoch: private to the train stage, deleted when it is committed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .storage.digest import digest_file
from .storage.publish import fsync_file, publish_json, published

if TYPE_CHECKING:
    from torch import Tensor

_POINTER = "progress.json"
_METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where a broken-off epoch stopped: steps done in this epoch, and the trainer's state."""

    step: int
    state: Mapping[str, "Tensor"]


@dataclass(frozen=True, slots=True)
class _Pointer:
    """step: steps done in this epoch. state: its file. metrics_bytes: length of the metrics up to there."""

    step: int
    state: str
    sha256: str
    metrics_bytes: int


class TrainingProgress:
    """Metrics as they come, and now and then the trainer's state.

    The pointer file names a state by its digest and how long the metrics were then; it is replaced in one go, so a
    kill at any moment leaves either the old checkpoint or the new one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._metrics = folder / _METRICS
        self._metrics.touch()

    def resume(self) -> Resumed | None:
        """The newest whole checkpoint; metrics of later steps are cut off, they will be written again.

        None: nothing to continue from, the epoch starts anew.
        """
        from ..models.checkpoints import load_tensors

        pointer = self._pointer()
        if pointer is None:
            # Private progress that cannot be trusted is worth nothing: the epoch begins again, from its parent.
            self._cut_metrics(0)
            return None
        self._cut_metrics(pointer.metrics_bytes)
        return Resumed(pointer.step, load_tensors(self._folder / pointer.state)[0])

    def _pointer(self) -> "_Pointer | None":
        """The pointer file, if what it points at is whole."""
        try:
            pointer = _Pointer(**json.loads((self._folder / _POINTER).read_bytes()))
            whole = digest_file(self._folder / pointer.state) == pointer.sha256
            return pointer if whole and self._metrics.stat().st_size >= pointer.metrics_bytes else None
        except (OSError, ValueError, TypeError):
            return None

    def record(self, line: Mapping[str, Any]) -> None:
        """Append one step to metrics.jsonl."""
        with self._metrics.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def checkpoint(self, step: int, state: Mapping[str, "Tensor"]) -> None:
        """Make `step` (steps done in this epoch) the place to continue from."""
        from ..models.checkpoints import save_tensors

        path = self._folder / f"state-{step:08d}.safetensors"
        with published(path) as partial:
            save_tensors(partial, state)
        fsync_file(self._metrics)
        pointer = _Pointer(step, path.name, digest_file(path), self._metrics.stat().st_size)
        publish_json(self._folder / _POINTER, asdict(pointer))
        for older in self._folder.glob("state-*.safetensors"):
            if older != path:
                older.unlink()

    def images_since(self, offset: int) -> tuple[int, int]:
        """Images of the steps recorded from this byte of the metrics on, and where the next call goes on."""
        with self._metrics.open("rb") as file:
            file.seek(offset)
            whole = file.read().rpartition(b"\n")[0]
        images = sum(json.loads(line)["images"] for line in whole.splitlines())
        return images, offset + len(whole) + bool(whole)

    def publish_metrics(self, path: Path) -> None:
        """Copy all metrics to their place among the stage's artifacts."""
        with published(path) as partial:
            partial.write_bytes(self._metrics.read_bytes())

    def _cut_metrics(self, length: int) -> None:
        with self._metrics.open("r+b") as file:
            file.truncate(length)
