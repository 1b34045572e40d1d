"""JSON files that include a digest of their own content, to detect damage."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .digest import digest_json
from .publish import publish_json
from .regular import NotAFileError, read_regular

_SEAL = "digest"


def publish_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` with its digest under the key `digest`, which `value` must not have."""
    publish_json(path, {**value, _SEAL: digest_json(value)})


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `publish_sealed` wrote, without the digest.

    Raises: OSError; ValueError if the content is damaged or was edited.
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
