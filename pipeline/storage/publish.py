"""Publish by rename: a file's final name appears only when its whole content is on disk."""

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
    """Yield a temporary path beside `path`; on leaving without error it is fsynced and renamed to `path`.

    The temporary name is drawn at random, so that two that publish the same file (a lost Dask worker and its
    replacement, perhaps in containers where both have the same process id) do not write into one another's.
    Whoever renames last wins, with the same bytes.
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
    """Write `content` under its final name, whole or not at all."""
    with published(path) as partial:
        partial.write_bytes(content)


def publish_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys: the same value gives the same bytes."""
    publish_bytes(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def fsync_file(path: Path) -> None:
    """Force a file's content to disk. A rename may reach the disk before the data that it names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folder(path: Path) -> None:
    """Force a folder's entries to disk: a new name is an entry of its folder, not of the file."""
    fsync_file(path)


def discard(path: Path) -> None:
    """Delete a file, or whatever lies in its place."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def remove_partials(folder: Path, *, below: bool = True) -> None:
    """Delete what a killed process left unpublished, or half removed, in `folder` and below.

    Unpublished are our own temporary files and those of Zarr's local store. below: look into folders of it, too.
    """
    for path in list(folder.rglob("*") if below else folder.iterdir()):
        if path.name.startswith(".") and _REMOVED in path.name:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and (_PARTIAL in path.name or path.name.endswith(".partial")):
            path.unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Delete a folder so that a crash in between never leaves a half one under its own name.

    What such a crash left of an earlier removal goes, too.
    """
    if path.exists():
        path.rename(path.with_name(f".{path.name}{_REMOVED}{secrets.token_hex(8)}"))
    for doomed in path.parent.glob(f".{path.name}{_REMOVED}*"):
        shutil.rmtree(doomed, ignore_errors=True)
