"""Marks of a data set's files (size, modification time, digest), from which its identity is computed."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ..storage.digest import digest_bytes, digest_file
from .files import in_threads, is_url, join, read_bytes, stamp

SCHEMA = pa.schema(
    [
        ("part", pa.string()),
        ("name", pa.string()),
        ("size", pa.int64()),
        ("changed", pa.string()),
        ("content", pa.string()),
    ]
)
"""size: in bytes. changed: modification time in ns, or a URL's time or entity tag. content: SHA-256, null if unread."""

_BLOCK_FILES = 1 << 13
"""Number of files whose marks are Python objects at once."""


class FileList(NamedTuple):
    """Files named relative to a folder, so that a moved data set stays the same."""

    folder: str
    names: pa.Array


FileLists = Mapping[str, FileList]
"""The files of each part of a data set; a single part is called ""."""


def mark_files(files: FileLists, *, hash_content: bool) -> pa.Table:
    """A table of `SCHEMA` with the size and modification time of each file and, with `hash_content`, its digest.

    Raises: DataError naming a file that is missing or cannot be read.
    """
    blocks = [
        _marked(part, folder, names.slice(start, _BLOCK_FILES).to_pylist(), hash_content)
        for part, (folder, names) in files.items()
        for start in range(0, len(names), _BLOCK_FILES)
    ]
    return pa.concat_tables(blocks).combine_chunks() if blocks else SCHEMA.empty_table()


def _marked(part: str, folder: str, names: list[str], hash_content: bool) -> pa.Table:
    stamps = list(in_threads(lambda name: stamp(join(folder, name)), names))
    columns = {
        "part": [part] * len(names),
        "name": names,
        "size": [found["size"] or 0 for found in stamps],
        "changed": [str(found["changed"]) for found in stamps],
        "content": hash_files(folder, names) if hash_content else [None] * len(names),
    }
    return pa.table(columns, schema=SCHEMA)


def hash_files(folder: str, names: Iterable[str]) -> list[str]:
    """SHA-256 of each file."""

    def content(name: str) -> str:
        location = join(folder, name)
        return digest_bytes(read_bytes(location)) if is_url(location) else digest_file(Path(location))

    return list(in_threads(content, names))


def without_contents(marks: pa.Table) -> pa.Table:
    """The marks without digests of contents."""
    nothing = pa.nulls(len(marks), pa.string())
    return marks.set_column(SCHEMA.get_field_index("content"), SCHEMA.field("content"), nothing)


def identity_of(marks: pa.Table, part: str = "") -> dict[str, Any]:
    """Identity of the files of a part: by the digests of their contents if all are known, else by size and time."""
    found = marks.filter(pc.equal(marks["part"], part))  # pyright: ignore[reportAttributeAccessIssue]  made at import
    by_content = len(found) > 0 and not found["content"].null_count
    found = found.select(["name", "size", "content" if by_content else "changed"])
    digest = hashlib.sha256()
    for start in range(0, len(found), _BLOCK_FILES):
        block = found.slice(start, _BLOCK_FILES)
        for name, size, token in zip(*(column.to_pylist() for column in block.columns), strict=True):
            digest.update(f"{name}\0{size}\0{token}\n".encode())
    return {
        "files": len(found),
        "bytes": pc.sum(found["size"]).as_py() or 0,  # pyright: ignore[reportAttributeAccessIssue]
        "by": "content" if by_content else "size and time",
        "digest": digest.hexdigest(),
    }
