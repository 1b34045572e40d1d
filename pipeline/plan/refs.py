"""A stage of an epoch, by reference, and its manifest."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptError
from ..storage.manifest import Manifest, read_manifest
from ..storage.names import MANIFEST


@dataclass(frozen=True, slots=True, order=True)
class StageRef:
    """One stage of one epoch. The test evaluation at the end belongs to no epoch."""

    epoch: int | None
    stage: str

    def folder(self, root: Path) -> Path:
        """Where the stage keeps its files below the run directory."""
        if self.epoch is None:
            return root / self.stage
        return root / "epochs" / f"{self.epoch:04d}" / self.stage

    def __str__(self) -> str:
        return self.stage if self.epoch is None else f"{self.stage} of epoch {self.epoch}"

    @property
    def redo(self) -> str:
        """The options that do it again."""
        return f"--from-stage {self.stage}" + ("" if self.epoch is None else f" --epoch {self.epoch}")


def manifest_of(root: Path, ref: StageRef) -> Manifest | None:
    """The manifest of a stage of the run in `root`, or None where it is not committed.

    Raises: CorruptError naming the file and the stage to redo, where it is damaged or that of another stage.
    """
    remedy = f"redo {ref} with {ref.redo}"
    manifest = read_manifest(ref.folder(root), remedy)
    if manifest is not None and (manifest.epoch, manifest.stage) != (ref.epoch, ref.stage):
        raise CorruptError(
            f"{ref.folder(root) / MANIFEST} is that of {StageRef(manifest.epoch, manifest.stage)}: {remedy}"
        )
    return manifest
