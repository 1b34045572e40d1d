"""journal.jsonl: the events of a run, with times and places, on which artifacts must not depend."""

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
    """Append an event. Only the holder of the run's lock may call this."""
    line = redacted(json.dumps({"time": round(time.time(), 3), "event": event, **details})) + "\n"
    require_regular(root / _NAME)
    with (root / _NAME).open("a+b") as handle:
        # Start a new line if a crash cut the last one short.
        if handle.tell() and not _ends_a_line(handle):
            line = "\n" + line
        handle.write(line.encode())


def _ends_a_line(handle: BinaryIO) -> bool:
    handle.seek(-1, os.SEEK_END)
    return handle.read(1) == b"\n"


def read_events(root: Path) -> Iterator[dict[str, Any]]:
    """The events in order; a line cut short by a crash is skipped."""
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
