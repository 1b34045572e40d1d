"""One file of a run directory damaged, in every way that a disk or a person could, and put back afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import strategies as st

KINDS = (
    "bytes changed",
    "cut short",
    "emptied",
    "other bytes",
    "removed",
    "a folder",
    "a FIFO",
    "a link to nowhere",
    "a link to itself",
    "unreadable text",
)


def files_of(root: Path) -> list[Path]:
    """Files of a run relative to its directory, except the lock, which is not a result."""
    return sorted(
        path.relative_to(root) for path in root.rglob("*") if path.is_file() and path.name != ".lock"
    )


@st.composite
def damages(draw: st.DrawFn, root: Path) -> tuple[Path, str, bytes]:
    """Which file, what happens to it, and what it holds afterwards where it stays a file."""
    files = files_of(root)
    # By name first: a run has many chunks and receipts, and one run.json.
    name = draw(st.sampled_from(sorted({path.name for path in files})))
    path = draw(st.sampled_from([path for path in files if path.name == name]))
    kind = draw(st.sampled_from(KINDS))
    content = bytearray((root / path).read_bytes())
    match kind:
        case "bytes changed":
            for _ in range(draw(st.integers(1, 3))):
                at = draw(st.integers(0, len(content)))
                content[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
        case "cut short":
            del content[draw(st.integers(0, max(0, len(content) - 1))) :]
        case "emptied":
            content.clear()
        case "other bytes":
            content[:] = draw(st.binary(max_size=200))
        case "unreadable text":
            content[:] = "µ€ {".encode("utf-16")
        case _:
            pass
    return path, kind, bytes(content)


@contextmanager
def damaged(path: Path, kind: str, content: bytes) -> Iterator[None]:
    """The damage, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="kept-"))  # not beside it: unknown files in a run are tidied up
    kept = folder / path.name
    shutil.move(path, kept)
    try:
        if kind != "removed":
            put(path, kind, content)
        yield
    finally:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        shutil.move(kept, path)
        folder.rmdir()


def put(path: Path, kind: str, content: bytes = b"") -> None:
    """Put something in the place of a removed file; for most kinds another file."""
    match kind:
        case "a folder":
            path.mkdir()
        case "a FIFO":
            os.mkfifo(path)
        case "a link to nowhere":
            path.symlink_to(path.with_name("nowhere"))
        case "a link to itself":
            path.symlink_to(path)
        case _:
            path.write_bytes(content)
