"""The claim of a stage that was begun: what it is made from, until its manifest says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import CorruptError
from ..storage.manifest import has_manifest
from ..storage.publish import remove_tree
from ..storage.sealed import publish_sealed, read_sealed
from .refs import StageRef

CLAIM = "inputs.json"


def write_claim(folder: Path, inputs: Mapping[str, Any]) -> None:
    """Begin a stage: from now on its folder holds work on these inputs."""
    publish_sealed(folder / CLAIM, inputs)


def is_claimed(folder: Path) -> bool:
    """Whether a stage is at work here: it was begun and has not ended."""
    return (folder / CLAIM).exists()


def read_claim(folder: Path, ref: StageRef) -> dict[str, Any] | None:
    """The inputs with which a stage was begun, None if it was not.

    Errors: CorruptError when nobody can tell any more what they were.
    """
    path = folder / CLAIM
    try:
        return read_sealed(path)
    except FileNotFoundError:
        return None
    except ValueError:
        raise CorruptError(f"{path} is damaged: redo {ref} with {ref.redo}") from None


_FOLDER = "aside"


def set_aside(root: Path, refs: list[StageRef]) -> list[StageRef]:
    """Move these stages out of the way; returns those that were there.

    A stage that was never committed is deleted instead. One that already lies aside, from an earlier redo that
    did not end, is the last complete result and stays.
    """
    moved = []
    # Backwards: should this be broken off, no stage is left whose parents are gone.
    for ref in reversed(refs):
        folder = ref.folder(root)
        if not folder.exists():
            continue
        keep = ref.folder(root / _FOLDER)
        if keep.exists() or not has_manifest(folder):
            remove_tree(folder)
        else:
            keep.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(keep)
        moved.append(ref)
    return moved[::-1]


def remove_aside(root: Path, ref: StageRef) -> None:
    """The new result is in: delete the old one, and the folders that held nothing else."""
    folder = ref.folder(root / _FOLDER)
    remove_tree(folder)
    for parent in folder.parents:
        if not parent.is_relative_to(root / _FOLDER) or not parent.exists():
            break
        if any(parent.iterdir()):
            break
        parent.rmdir()
