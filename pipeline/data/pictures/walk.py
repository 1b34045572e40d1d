"""List the folders and image files below a folder, each real folder once; count what is left out, by kind."""

import errno
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import DataError
from ..base import strings

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".pbm", ".pgm", ".ppm", ".pnm"),
    *(".tif", ".tiff", ".webp"),
)
"""Suffixes of images of the data set; .avif is added if Pillow supports it."""

_LEFTOVERS = {
    *("__macosx", "thumbs.db", "desktop.ini", "__pycache__"),
    *("@eadir", "$recycle.bin", "system volume information", "lost+found"),
}

HIDDEN = "hidden, or left by a system or archive"
BROKEN = "links to nothing"
ABOVE = "links to folders above"
TWICE = "links to folders that are read already"
SPECIAL = "neither files nor folders"
OUTSIDE = "images outside of class folders"

DEEPEST = 200
"""Largest depth of nested folders: more are a mistake or an attack."""

_Id = tuple[int, int]
"""Device and inode, which identify a folder whatever its path."""


@dataclass
class Folder:
    """A folder, its folders, and the names of its own images (a string column), sorted."""

    path: Path
    folders: list["Folder"] = field(default_factory=list)
    images: pa.Array = field(default_factory=lambda: strings([]))

    def all_images(self, root: Path) -> pa.Array:
        """The paths relative to `root` of its own images and of those in all folders below it, sorted."""
        paths = pa.concat_arrays([folder._paths(root) for folder in self._all()])
        return paths.take(pc.sort_indices(paths))  # pyright: ignore[reportAttributeAccessIssue]

    def _all(self) -> Iterator["Folder"]:
        yield self
        for folder in self.folders:
            yield from folder._all()

    def _paths(self, root: Path) -> pa.Array:
        folder = "" if self.path == root else f"{self.path.relative_to(root).as_posix()}/"
        return pc.binary_join_element_wise(  # pyright: ignore[reportAttributeAccessIssue]
            pa.scalar(folder), self.images, ""
        )


@dataclass
class Walk:
    """The content of a root folder. left_out: counts by kind. linked: number of images reached by links."""

    root: Folder
    left_out: Counter[str]
    linked: int


@cache
def suffixes() -> tuple[str, ...]:
    """The suffixes of image files, in lower case."""
    from PIL import features

    # Of a feature that it does not know, an older Pillow warns.
    return (*SUFFIXES, ".avif") if "avif" in features.modules and features.check("avif") else SUFFIXES


def walk(root: Path) -> Walk:
    """List `root`, following links to files, and to folders that were not read before and are not above `root`.

    Raises: DataError if a folder cannot be listed.
    """
    walker = _Walker(root)
    return Walk(walker.folder(root, linked=False), walker.left_out, walker.linked)


class _Walker:
    def __init__(self, root: Path) -> None:
        self.left_out: Counter[str] = Counter()
        self.linked = 0
        self._read: set[_Id] = set()
        try:
            real = root.resolve(strict=True)
            self._above = {_id(folder) for folder in (real, *real.parents)}
            # Real folders take precedence over links to them, whatever their alphabetical order.
            self._inside = {_id(folder) for folder in _real_folders(real)}
        except RuntimeError as error:  # a link to itself, before Python 3.13
            raise _unlisted(root, OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from error
        except OSError as error:
            raise _unlisted(root, error) from error

    def folder(self, path: Path, *, linked: bool, depth: int = 0) -> Folder:
        if depth > DEEPEST:
            raise _too_deep(path)
        found, names = Folder(path), list[str]()
        try:
            for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                self._take(found, names, entry, linked=linked or entry.is_symlink(), depth=depth)
        except OSError as error:
            raise _unlisted(path, error) from error
        try:
            found.images = strings(names)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{path} has a file whose name is not UTF-8: {error.object!r}: rename it"
            ) from None
        return found

    def _take(
        self, found: Folder, names: list[str], entry: "os.DirEntry[str]", *, linked: bool, depth: int
    ) -> None:
        if _is_left(entry.name):
            self.left_out[HIDDEN] += 1
        elif entry.is_symlink() and not _leads_somewhere(entry):
            self.left_out[BROKEN] += 1
        elif entry.is_dir():
            if self._enters(entry):
                found.folders.append(self.folder(Path(entry), linked=linked, depth=depth + 1))
        elif not entry.is_file():
            self.left_out[SPECIAL] += 1
        elif entry.name.lower().endswith(suffixes()):
            names.append(entry.name)
            self.linked += linked
        else:
            self.left_out[f"*{Path(entry.name).suffix.lower()}" if "." in entry.name else "no suffix"] += 1

    def _enters(self, entry: "os.DirEntry[str]") -> bool:
        identity = _id(Path(entry))
        if entry.is_symlink() and identity in self._above:
            self.left_out[ABOVE] += 1
        elif identity in self._read or (entry.is_symlink() and identity in self._inside):
            self.left_out[TWICE] += 1
        else:
            self._read.add(identity)
            return True
        return False


def _is_left(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFTOVERS


def _real_folders(root: Path) -> Iterator[Path]:
    """`root` and all folders below it that are reached without links or hidden folders."""
    for parent, folders, _ in os.walk(root):
        folders[:] = [name for name in folders if not _is_left(name)]
        folder = Path(parent)
        if len(folder.parts) - len(root.parts) > DEEPEST:
            raise _too_deep(folder)
        yield folder


def _leads_somewhere(link: "os.DirEntry[str]") -> bool:
    try:
        link.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return False
    return True


def _id(folder: Path) -> _Id:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _too_deep(folder: Path) -> DataError:
    return DataError(
        f"image folder {folder} is more than {DEEPEST} folders below data.path: move it up, or leave it out"
    )


def _unlisted(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"image folder {folder} cannot be listed ({error.strerror}): correct data.path, or let this user read it"
    )
