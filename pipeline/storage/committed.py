"""Read the files of another stage, each checked against its receipt."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import CorruptError, UnavailableError
from .digest import digest_file
from .manifest import Manifest, read_manifest
from .names import PRUNED
from .publish import publish_json


def is_pruned(folder: Path) -> bool:
    """Whether the stage's files were deleted because of run.keep."""
    return (folder / PRUNED).exists()


@dataclass(frozen=True)
class Committed:
    """A committed stage: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def pruned(self) -> bool:
        """Whether its files were deleted because of run.keep."""
        return is_pruned(self.folder)

    def checked(self, name: str) -> Path:
        """The path of one of the stage's files, after its content has been compared with the receipt.

        Raises: CorruptError or UnavailableError, naming the file and the stage to redo.
        """
        stamp = self.manifest.files.get(name)
        path = self.folder / name
        if stamp is None:
            raise CorruptError(f"{path} is in no receipt of its stage: {self.remedy}")
        try:
            status = path.stat()
        except FileNotFoundError:
            if self.pruned:
                raise UnavailableError(
                    f"{path} was pruned (run.keep): take a later epoch, or raise run.keep and {self.remedy}"
                ) from None
            if not self.folder.exists():
                raise UnavailableError(
                    f"{path} was set aside meanwhile: its stage is redone, ask again later"
                ) from None
            raise CorruptError(f"{path} is gone: {self.remedy}") from None
        except OSError as error:  # such as a link to itself
            raise CorruptError(f"{path} cannot be read ({error.strerror}): {self.remedy}") from None
        if status.st_size != stamp.bytes or not _matches(path, stamp.sha256, status.st_mtime_ns):
            raise CorruptError(f"{path} differs from its receipt: {self.remedy}")
        return path

    @property
    def remedy(self) -> str:
        """What to do when a file of this stage cannot be used."""
        epoch = "" if self.manifest.epoch is None else f" --epoch {self.manifest.epoch}"
        return f"redo it with --from-stage {self.manifest.stage}{epoch}"


@lru_cache(maxsize=4096)
def _matches(path: Path, sha256: str, mtime_ns: int) -> bool:  # noqa: ARG001 — a changed file is checked anew
    """Whether the file has this digest. Cached, since several tasks of a process read the same chunk."""
    return digest_file(path) == sha256


@lru_cache(maxsize=16)
def committed(folder: Path, digest: str) -> Committed:
    """Open a parent stage. digest: of its manifest when the child was planned.

    Raises: CorruptError if the stage has been replaced since.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest.digest != digest:
        raise CorruptError(f"{folder} was replaced while it was being read: start the run again")
    return Committed(folder, manifest)


def mark_pruned(stage: Committed) -> None:
    """Record that the files of this stage are deleted on purpose; call it before deleting them."""
    publish_json(stage.folder / PRUNED, {"pruned_bytes": stage.manifest.bytes})
