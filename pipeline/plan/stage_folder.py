"""The states of a stage's folder: begun, filled task by task, committed, pruned, reopened, set aside.

    waiting ──begin──▶ begun ──commit──▶ committed ──prune──▶ pruned
                         ▲──────reopen───────┘

A stage that is begun has a *claim*, which records its inputs, and a receipt for each finished task. The manifest,
written last, includes both, so claim and receipts are then deleted. The old results of a redo stay *aside* until the
new ones are committed.
"""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import CorruptError
from ..storage.committed import Committed, is_pruned, mark_pruned
from ..storage.manifest import Manifest, has_manifest, remove_manifest, write_manifest
from ..storage.names import CLAIM, RECEIPTS, SCRATCH
from ..storage.publish import discard, remove_partials, remove_tree
from ..storage.receipts import Receipt, read_receipts, receipt_names, unreadable_receipts, write_receipt
from ..storage.sealed import publish_sealed, read_sealed
from .refs import StageRef, manifest_of

State = Literal["waiting", "begun", "committed", "pruned"]

ASIDE = "aside"
"""Folder of the old results of a redo, until the new ones are committed."""


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The folder of stage `ref` in the run directory `root`."""

    root: Path
    ref: StageRef

    @property
    def path(self) -> Path:
        """Path of the folder."""
        return self.ref.folder(self.root)

    @property
    def scratch(self) -> Path:
        """Folder for intermediate files of the stage, deleted when it is committed."""
        return self.path / SCRATCH

    @property
    def state(self) -> State:
        """The state of the stage; one with a damaged manifest counts as committed."""
        if self.committed:
            return "pruned" if self.pruned else "committed"
        return "begun" if self.path.exists() else "waiting"

    @property
    def committed(self) -> bool:
        """Whether there is a manifest, readable or not."""
        return has_manifest(self.path)

    @property
    def pruned(self) -> bool:
        """Whether the files were deleted because of run.keep; the manifest stays."""
        return is_pruned(self.path)

    @property
    def claimed(self) -> bool:
        """Whether the stage was begun and is not finished."""
        return (self.path / CLAIM).exists()

    @property
    def has_work(self) -> bool:
        """Whether restarting the stage would lose work: results, finished tasks, or a checkpoint within a task."""
        return self.committed or self.tasks_done() > 0 or any(self.scratch.glob("*.safetensors"))

    def manifest(self) -> Manifest | None:
        """See `manifest_of`."""
        return manifest_of(self.root, self.ref)

    def begin(self, inputs: Mapping[str, Any]) -> None:
        """Empty the folder and claim it for work on these inputs."""
        remove_tree(self.path)
        self._write_claim(inputs)

    def claim(self) -> dict[str, Any] | None:
        """The inputs with which the stage was begun, or None if it was not begun.

        Raises: CorruptError if the claim is damaged.
        """
        path = self.path / CLAIM
        try:
            return read_sealed(path)
        except FileNotFoundError:
            return None
        except ValueError:
            raise CorruptError(f"{path} is damaged: redo {self.ref} with {self.ref.redo}") from None

    def receipts(self) -> dict[str, Receipt]:
        """See `read_receipts`."""
        return read_receipts(self.path)

    def tasks_done(self) -> int:
        """Number of receipts so far, readable or not."""
        return len(receipt_names(self.path))

    def commit(self, manifest: Manifest) -> None:
        """Publish the manifest, which commits the stage."""
        write_manifest(self.path, manifest)

    def tidy(self) -> None:
        """Delete what the manifest replaces (claim, receipts, scratch), and the old results that were set aside."""
        # The claim first: without one, a worker that finishes late writes no receipt.
        (self.path / CLAIM).unlink(missing_ok=True)
        remove_tree(self.path / RECEIPTS)
        remove_tree(self.scratch)
        remove_partials(self.path)
        self._remove_aside()

    def tidy_unfinished(self) -> None:
        """Delete the unreadable files of an interrupted stage; the next run computes them again."""
        for path in unreadable_receipts(self.path):
            path.unlink()
        try:
            self.claim()
        except CorruptError:
            remove_tree(self.path)

    def prune(self) -> bool:
        """Delete the files of a committed stage but keep its manifest. Returns whether there was anything to delete."""
        manifest = self.manifest()
        if manifest is None or self.pruned:
            return False
        # The mark comes first: a crash in between leaves a stage that is pruned but not yet empty, never one that
        # seems damaged.
        mark_pruned(Committed(self.path, manifest))
        for name in manifest.files:
            (self.path / name).unlink(missing_ok=True)
        for child in self.path.iterdir():
            if child.is_dir():
                shutil.rmtree(child, ignore_errors=True)
        return True

    def reopen(self, manifest: Manifest, lost: Collection[str]) -> None:
        """Turn a committed stage into one that was interrupted before its tasks `lost`.

        Receipts and claim are written before the manifest is removed: a crash in between leaves the stage committed,
        and damaged as before.
        """
        for receipt in manifest.receipts:
            if receipt.task not in lost:
                write_receipt(self.path, receipt)
                continue
            for name in receipt.files:
                if not (self.path / name).is_file():
                    discard(self.path / name)  # a folder of that name would block the new file
        self._write_claim(manifest.inputs)
        remove_manifest(self.path)

    def set_aside(self) -> bool:
        """Move the stage's folder aside until the stage is committed again. Returns whether the folder existed.

        A stage that was never committed is deleted instead. If results are already aside, from an earlier redo that did
        not finish, they are the last complete ones and stay.
        """
        if not self.path.exists():
            return False
        aside = self._aside
        if aside.exists() or not self.committed:
            remove_tree(self.path)
        else:
            aside.parent.mkdir(parents=True, exist_ok=True)
            self.path.rename(aside)
        return True

    @property
    def _aside(self) -> Path:
        return self.ref.folder(self.root / ASIDE)

    def _remove_aside(self) -> None:
        """Delete the old results, and folders that contain no others."""
        remove_tree(self._aside)
        for parent in self._aside.parents:
            if not parent.is_relative_to(self.root / ASIDE) or not parent.exists():
                break
            if any(child.is_dir() for child in parent.iterdir()):
                break
            # Only the rows that the old results refer to are left.
            remove_tree(parent)

    def _write_claim(self, inputs: Mapping[str, Any]) -> None:
        publish_sealed(self.path / CLAIM, inputs)


def set_aside(root: Path, refs: list[StageRef]) -> list[StageRef]:
    """Move these stages aside; returns those that existed."""
    # In reverse order, so that an interruption leaves no stage without its parents.
    moved = [ref for ref in reversed(refs) if StageFolder(root, ref).set_aside()]
    return moved[::-1]
