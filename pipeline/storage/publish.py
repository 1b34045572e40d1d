"""Publish files by renaming: a file gets its final name only when its whole content is on disk."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PARTIAL = ".partial-"
_REMOVED = ".removed-"


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on exit without error it is fsynced and renamed to `path`.

    The temporary name is random, so that two processes which publish the same file (a lost Dask worker and its
    replacement, perhaps in containers where both have the same process id) do not write into the same temporary file.
    The last rename wins, with the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}{_PARTIAL}{secrets.token_hex(8)}")
    try:
        yield partial
        fsync_file(partial)
        partial.replace(path)
        fsync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def publish_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with published(path) as partial:
        partial.write_bytes(content)


def publish_json(path: Path, value: Any) -> None:
    """Write `value` atomically as indented JSON with sorted keys: equal values give equal bytes."""
    publish_bytes(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def fsync_file(path: Path) -> None:
    """Force a file's content to disk. Otherwise a rename may reach the disk before the content."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folder(path: Path) -> None:
    """Force a folder's entries to disk: the name of a file is part of its folder."""
    fsync_file(path)


def discard(path: Path) -> None:
    """Delete a file, or a folder in its place."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_partials(folder: Path, *, below: bool = True) -> None:
    """Delete temporary files and half-removed folders that a killed process left in `folder`.

    Temporary files are those of `published` and of Zarr's local store. below: also search subfolders.
    """
    for path in list(folder.rglob("*") if below else folder.iterdir()):
        if path.name.startswith(".") and _REMOVED in path.name:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and (_PARTIAL in path.name or path.name.endswith(".partial")):
            path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Delete a folder. It is renamed first, so that a crash never leaves a half-deleted folder under its name.

    Also deletes what a crash left of earlier removals.
    """
    if path.exists():
        path.rename(path.with_name(f".{path.name}{_REMOVED}{secrets.token_hex(8)}"))
    for doomed in path.parent.glob(f".{path.name}{_REMOVED}*"):
        shutil.rmtree(doomed, ignore_errors=True)
