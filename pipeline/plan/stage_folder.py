"""The life of one stage's folder: begun, filled task by task, committed, pruned, opened again, set aside.

    waiting ──begin──▶ begun ──commit──▶ committed ──prune──▶ pruned
                         ▲──────reopen───────┘

A stage that is begun has a *claim*, which says what it is made from, and a receipt for each finished task. Its
manifest, written last, says both, so claim and receipts go. Old results stay *aside* until the new ones are committed.
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
"""Where the old results of a redo lie until the new ones are committed."""


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The folder of stage `ref` in the run directory `root`."""

    root: Path
    ref: StageRef

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.ref.folder(self.root)

    @property
    def scratch(self) -> Path:
        """Private progress of the stage, deleted when it is committed."""
        return self.path / SCRATCH

    @property
    def state(self) -> State:
        """How far the stage is; a damaged manifest counts as committed."""
        if self.committed:
            return "pruned" if self.pruned else "committed"
        return "begun" if self.path.exists() else "waiting"

    @property
    def committed(self) -> bool:
        """Whether there is a manifest, readable or not."""
        return has_manifest(self.path)

    @property
    def pruned(self) -> bool:
        """Whether run.keep had the files deleted; the manifest stays."""
        return is_pruned(self.path)

    @property
    def claimed(self) -> bool:
        """Whether a stage is at work here: it was begun and has not ended."""
        return (self.path / CLAIM).exists()

    @property
    def has_work(self) -> bool:
        """Whether something is lost when the stage begins anew: results, a finished task, or a checkpoint in one."""
        return self.committed or self.tasks_done() > 0 or any(self.scratch.glob("*.safetensors"))

    def manifest(self) -> Manifest | None:
        """See `manifest_of`."""
        return manifest_of(self.root, self.ref)

    def begin(self, inputs: Mapping[str, Any]) -> None:
        """Empty the folder; from now on it holds work on these inputs."""
        remove_tree(self.path)
        self._write_claim(inputs)

    def claim(self) -> dict[str, Any] | None:
        """The inputs with which the stage was begun, None if it was not.

        Raises: CorruptError when nobody can tell any more what they were.
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
        """Receipts that the stage has so far, whatever is in them."""
        return len(receipt_names(self.path))

    def commit(self, manifest: Manifest) -> None:
        """Publish the manifest: from now on the stage is committed."""
        write_manifest(self.path, manifest)

    def tidy(self) -> None:
        """Delete what the manifest says by now: claim, receipts, scratch; and the old results that lay aside."""
        # The claim first: a worker that wakes up late writes no receipt without one.
        (self.path / CLAIM).unlink(missing_ok=True)
        remove_tree(self.path / RECEIPTS)
        remove_tree(self.scratch)
        remove_partials(self.path)
        self._remove_aside()

    def tidy_unfinished(self) -> None:
        """Of a stage that was broken off, delete what cannot be read; the next run computes it again."""
        for path in unreadable_receipts(self.path):
            path.unlink()
        try:
            self.claim()
        except CorruptError:
            remove_tree(self.path)

    def prune(self) -> bool:
        """Delete the files of a committed stage and keep its manifest; returns whether there was anything to do."""
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
        """Turn a committed stage into one that was broken off before its tasks `lost`.

        Receipts and claim are there before the manifest goes: a crash in between leaves a stage that is committed, and
        damaged as before.
        """
        for receipt in manifest.receipts:
            if receipt.task not in lost:
                write_receipt(self.path, receipt)
                continue
            for name in receipt.files:
                if not (self.path / name).is_file():
                    discard(self.path / name)  # a folder in its place would not give way to it
        self._write_claim(manifest.inputs)
        remove_manifest(self.path)

    def set_aside(self) -> bool:
        """Move the stage out of the way until it is committed again; returns whether it was there.

        A stage that was never committed is deleted instead. One that already lies aside, from an earlier redo that did
        not end, is the last complete result and stays.
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
        """Delete the old results, and the folders that held nothing else."""
        remove_tree(self._aside)
        for parent in self._aside.parents:
            if not parent.is_relative_to(self.root / ASIDE) or not parent.exists():
                break
            if any(child.is_dir() for child in parent.iterdir()):
                break
            # What is left are the rows of which the old results spoke.
            remove_tree(parent)

    def _write_claim(self, inputs: Mapping[str, Any]) -> None:
        publish_sealed(self.path / CLAIM, inputs)


def set_aside(root: Path, refs: list[StageRef]) -> list[StageRef]:
    """Move these stages out of the way; returns those that were there."""
    # Backwards: should this be broken off, no stage is left whose parents are gone.
    moved = [ref for ref in reversed(refs) if StageFolder(root, ref).set_aside()]
    return moved[::-1]
