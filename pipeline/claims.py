"""The claim of a stage that was begun: what it is made from, until its manifest says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import CorruptError
from .stages.base import StageRef
from .storage.sealed import publish_sealed, read_sealed

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
