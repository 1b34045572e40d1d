"""JSON files that tell when they were damaged: each holds the digest of all else that is in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .digest import digest_json
from .publish import publish_json
from .regular import NotAFileError, read_regular

_SEAL = "digest"


def publish_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object with its digest under the key `digest`, which it must not have itself."""
    publish_json(path, {**value, _SEAL: digest_json(value)})


def read_sealed(path: Path) -> dict[str, Any]:
    """What `publish_sealed` wrote, without the digest.

    Raises: FileNotFoundError; ValueError where a bit of it is not what it was.
    """
    try:
        value = json.loads(read_regular(path))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except NotAFileError as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, dict) or value.pop(_SEAL, None) != digest_json(value):
        raise ValueError("it does not match its own digest")
    return value
