"""An error, handed from a process to the one that started it."""

import json
from pathlib import Path

from ..models.errors import ModelError
from . import errors

_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        ModelError,
        errors.SpecError,
        errors.DataError,
        errors.StaleError,
        errors.CorruptError,
        errors.UnavailableError,
    )
}


def write_failure(path: Path, error: Exception) -> None:
    """Keep the first error that any of several processes had; those of the others follow from it."""
    try:
        with path.open("x") as file:
            json.dump({"kind": type(error).__name__, "message": str(error)}, file)
    except FileExistsError:
        return


def read_failure(path: Path) -> Exception | None:
    """The error as it was raised (as a TaskError if it is none of ours); None where none was kept."""
    try:
        said = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if said["kind"] in _KINDS:
        return _KINDS[said["kind"]](said["message"])
    return errors.TaskError(f"a training process failed: {said['kind']}: {said['message']}")
