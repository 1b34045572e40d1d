"""References to stages, and their manifests."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import CorruptError
from ..storage.manifest import Manifest, read_manifest
from ..storage.names import MANIFEST


@dataclass(frozen=True, slots=True, order=True)
class StageRef:
    """One stage of one epoch. epoch: None for the test evaluation at the end, which belongs to no epoch."""

    epoch: int | None
    stage: str

    def folder(self, root: Path) -> Path:
        """The stage's folder in the run directory `root`."""
        if self.epoch is None:
            return root / self.stage
        return root / "epochs" / f"{self.epoch:04d}" / self.stage

    def __str__(self) -> str:
        return self.stage if self.epoch is None else f"{self.stage} of epoch {self.epoch}"

    @property
    def redo(self) -> str:
        """The command-line options that redo the stage."""
        return f"--from-stage {self.stage}" + ("" if self.epoch is None else f" --epoch {self.epoch}")


def manifest_of(root: Path, ref: StageRef) -> Manifest | None:
    """The manifest of a stage of the run in `root`, or None if the stage is not committed.

    Raises: CorruptError, naming the file and the stage to redo, if it is damaged or belongs to another stage.
    """
    remedy = f"redo {ref} with {ref.redo}"
    manifest = read_manifest(ref.folder(root), remedy)
    if manifest is not None and (manifest.epoch, manifest.stage) != (ref.epoch, ref.stage):
        raise CorruptError(
            f"{ref.folder(root) / MANIFEST} belongs to {StageRef(manifest.epoch, manifest.stage)}: {remedy}"
        )
    return manifest
