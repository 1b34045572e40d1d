"""journal.jsonl: when, where and how long. Kept apart from the artifacts, which must not depend on it."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..redact import redacted
from .regular import open_regular, require_regular

_NAME = "journal.jsonl"


def note_event(root: Path, event: str, **details: Any) -> None:
    """Append one line. Only the holder of the run's lock writes."""
    line = redacted(json.dumps({"time": round(time.time(), 3), "event": event, **details})) + "\n"
    require_regular(root / _NAME)
    with (root / _NAME).open("a+b") as handle:
        # A line that a crash cut short must not swallow this one.
        if handle.tell() and not _ends_a_line(handle):
            line = "\n" + line
        handle.write(line.encode())


def _ends_a_line(handle: BinaryIO) -> bool:
    handle.seek(-1, os.SEEK_END)
    return handle.read(1) == b"\n"


def read_events(root: Path) -> Iterator[dict[str, Any]]:
    """The lines that are whole; a line that a crash cut short is passed over."""
    path = root / _NAME
    if not path.exists():
        return
    with open_regular(path) as handle:
        for line in handle:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event:
                yield event
