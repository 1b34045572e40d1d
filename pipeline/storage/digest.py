"""Digests of content: SHA-256 in hexadecimal, everywhere."""

import hashlib
import json
from pathlib import Path
from typing import Any

from .regular import open_regular


def digest_json(value: Any) -> str:
    """Digest of a JSON-ready value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_bytes(content: bytes | memoryview) -> str:
    """Digest of bytes in memory."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """Digest of a file's content, read in pieces."""
    with open_regular(path) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
