"""Local paths and fsspec URLs: join them, read them, and stamp their files."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DataError
from ..redact import has_secret, redacted
from ..storage.regular import NotAFileError, open_regular
from .safety.memory import require_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_ONCE = 1 << 13
"""Number of items that wait for threads at once."""

_THREADS = min(8, os.cpu_count() or 1)
"""Decoding releases the GIL; beyond a few threads, copying is the bottleneck."""


def is_url(location: str) -> bool:
    """Whether `location` is an fsspec URL and not a local path."""
    return "://" in location


def locate(location: str, base: Path) -> str:
    """`location` as a URL or an absolute local path; relative paths are relative to the folder `base`.

    Raises: DataError for a URL with credentials, which would be recorded and shown.
    """
    if has_secret(location):
        raise DataError(
            f"{redacted(location)} has credentials in it, which would be recorded: take them out, and give them to "
            "fsspec by its configuration or by the environment"
        )
    return location if is_url(location) else str((base / Path(location).expanduser()).absolute())


def folder_of(location: str) -> str:
    """The parent folder of `location`; of a chained URL (zip://a.csv::file.zip), within its first link."""
    if not is_url(location):
        return str(Path(location).parent)
    link, chain, rest = location.partition("::")
    protocol, _, path = link.partition("://")
    return f"{protocol}://{path.rpartition('/')[0]}{chain}{rest}"


def join(folder: str, name: str) -> str:
    """`name` below `folder`, unless it is a URL or an absolute path itself."""
    if is_url(name) or Path(name).is_absolute():
        return name
    if not is_url(folder):
        return str(Path(folder, name))
    link, chain, rest = folder.partition("::")
    slash = "" if link.endswith("/") else "/"
    return f"{link}{slash}{name}{chain}{rest}"


def read_bytes(location: str) -> bytes:
    """The content of a file. Raises: DataError naming the location."""
    try:
        if not is_url(location):
            with open_regular(Path(location)) as file:
                require_memory(os.fstat(file.fileno()).st_size, location, "its bytes")
                return file.read()
        import fsspec

        with fsspec.open(location, "rb") as handle:
            return handle.read()  # type: ignore[union-attr]
    except DataError:
        raise
    except Exception as error:  # each fsspec file system has its own errors
        raise unreadable(location, error) from error


def unreadable(location: str, error: Exception) -> DataError:
    """The error for a file that is missing or cannot be read."""
    location = redacted(location)
    if isinstance(error, FileNotFoundError):
        return DataError(f"{location} does not exist: correct its path")
    if isinstance(error, ImportError):
        return DataError(f"{location} needs a package that is not installed ({said_by(error)}): install it")
    if isinstance(error, NotAFileError):
        return DataError(str(error))
    denied = isinstance(error, PermissionError)
    remedy = "let this user read it" if denied else "restore it, or write it again"
    return DataError(f"{location} cannot be read: {said_by(error)}: {remedy}")


def said_by(error: Exception) -> str:
    """A library's error as one line of text, without secrets."""
    return redacted(" ".join(f"{type(error).__name__}: {error}".split()).rstrip(":. "))


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterable[Result]:
    """Call `function` in threads. Yields the results in the order of `items`, of which it reads a block ahead.

    The pool lives for one call: in a forked child, a pool kept by the process would be dead and block for ever.
    """
    rest = iter(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        while block := list(islice(rest, _AT_ONCE)):
            yield from pool.map(function, block)


def stamp(location: str) -> dict[str, Any]:
    """Size in bytes and modification time of a file, without reading it."""
    try:
        if not is_url(location):
            status = Path(location).stat()
            return {"size": status.st_size, "changed": status.st_mtime_ns}
        import fsspec

        files, path = fsspec.core.url_to_fs(location)
        details = files.info(path)
    except Exception as error:  # each fsspec file system has its own errors
        raise unreadable(location, error) from error
    # All file systems give a size. Object stores add an entity tag, others a time, under different names.
    marks = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")
    changed = next((str(details[mark]) for mark in marks if details.get(mark) is not None), "")
    return {"size": details.get("size"), "changed": changed}
