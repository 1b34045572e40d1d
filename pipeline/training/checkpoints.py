"""Checkpoints within an epoch. They are private to the train stage and deleted at its commit."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CorruptError
from ..storage.digest import digest_bytes, digest_file
from ..storage.publish import fsync_file, publish_bytes, published
from ..storage.sealed import publish_sealed, read_sealed

if TYPE_CHECKING:
    from torch import Tensor

_POINTER = "progress.json"
_METRICS = "metrics.jsonl"


@dataclass(frozen=True, slots=True)
class Resumed:
    """Where an interrupted epoch stopped: steps done in this epoch, and the trainer's state."""

    step: int
    state: Mapping[str, "Tensor"]


@dataclass(frozen=True, slots=True)
class _Pointer:
    """step: steps done in this epoch. state: file of the trainer's state. metrics_bytes: length of the metrics up to
    this step. sha256, metrics_sha256: digests of the state and of these metrics.
    """

    step: int
    state: str
    sha256: str
    metrics_bytes: int
    metrics_sha256: str


class TrainingProgress:
    """Stores the metrics of each step and, now and then, the trainer's state.

    The pointer file holds the digests of a state and of the metrics up to it. It is replaced atomically, so a kill at
    any moment leaves either the old checkpoint or the new one. The digest of the metrics is updated while writing and
    never computed from the file, since that would hide later damage.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._metrics = folder / _METRICS
        self._metrics.touch()
        self._digest = hashlib.sha256()

    def resume(self) -> Resumed | None:
        """The newest intact checkpoint, or None if the epoch must start over. Metrics of later steps are cut off, as
        they will be written again."""
        from ...models.encoders.checkpoints import load_tensors

        pointer = self._pointer()
        # Damaged progress is discarded: the epoch starts over from its parent.
        kept = self._metrics.read_bytes()[: pointer.metrics_bytes if pointer else 0]
        os.truncate(self._metrics, len(kept))
        self._digest = hashlib.sha256(kept)
        return Resumed(pointer.step, load_tensors(self._folder / pointer.state)[0]) if pointer else None

    def _pointer(self) -> "_Pointer | None":
        """The content of the pointer file, if the files it names are intact; else None."""
        try:
            pointer = _Pointer(**read_sealed(self._folder / _POINTER))
            metrics = self._metrics.read_bytes()[: pointer.metrics_bytes]
            whole = (
                digest_file(self._folder / pointer.state) == pointer.sha256
                and digest_bytes(metrics) == pointer.metrics_sha256
            )
            return pointer if whole else None
        except (OSError, ValueError, TypeError):
            return None

    def record(self, line: Mapping[str, Any]) -> None:
        """Append one step to metrics.jsonl."""
        content = (json.dumps(line) + "\n").encode()
        with self._metrics.open("ab") as file:
            file.write(content)
        self._digest.update(content)

    def checkpoint(self, step: int, state: Mapping[str, "Tensor"]) -> None:
        """Store the state from which to continue after `step` steps of this epoch."""
        from ...models.encoders.checkpoints import save_tensors

        path = self._folder / f"state-{step:08d}.safetensors"
        with published(path) as partial:
            save_tensors(partial, state)
        fsync_file(self._metrics)
        length = self._metrics.stat().st_size
        pointer = _Pointer(step, path.name, digest_file(path), length, self._digest.hexdigest())
        publish_sealed(self._folder / _POINTER, asdict(pointer))
        for older in self._folder.glob("state-*.safetensors"):
            if older != path:
                older.unlink()

    def images_since(self, offset: int) -> tuple[int, int]:
        """The number of images in the steps recorded from this byte of the metrics on, and the offset for the next
        call."""
        with self._metrics.open("rb") as file:
            file.seek(offset)
            whole = file.read().rpartition(b"\n")[0]
        images = sum(json.loads(line)["images"] for line in whole.splitlines())
        return images, offset + len(whole) + bool(whole)

    def publish_metrics(self, path: Path) -> None:
        """Copy all metrics to the stage's artifacts. Raises: CorruptError if they are not what was recorded."""
        content = self._metrics.read_bytes()
        if digest_bytes(content) != self._digest.hexdigest():
            raise CorruptError(
                f"{self._metrics} was damaged: start the same command again, it redoes what is lost"
            )
        publish_bytes(path, content)
