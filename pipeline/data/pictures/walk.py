"""The folders and image files below a folder, each real folder once; what is left out is counted by kind."""

import errno
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ...errors import DataError

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".pbm", ".pgm", ".ppm", ".pnm"),
    *(".tif", ".tiff", ".webp"),
)
"""Files with other suffixes are not images of the data set; .avif is one where Pillow was built with it."""

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
"""Folders in folders: more are a mistake, or made to break a reader."""

_Id = tuple[int, int]
"""Device and inode: two paths with the same are one folder."""


@dataclass
class Folder:
    """A folder, its folders and its own images, sorted by name."""

    path: Path
    folders: list["Folder"] = field(default_factory=list)
    images: list[Path] = field(default_factory=list)

    def all_images(self) -> list[Path]:
        """Its images, and those of all folders in it."""
        return self.images + [image for folder in self.folders for image in folder.all_images()]


@dataclass
class Walk:
    """What lies below a root. left_out: how many of each kind. linked: images reached by links."""

    root: Folder
    left_out: Counter[str]
    linked: int


@cache
def suffixes() -> tuple[str, ...]:
    """The suffixes of image files, in small letters."""
    from PIL import features

    return (*SUFFIXES, ".avif") if features.check("avif") else SUFFIXES


def walk(root: Path) -> Walk:
    """List `root`. Links to files are followed, and links to folders that are neither read already nor above `root`.

    Raises: DataError where a folder cannot be listed.
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
            # Real folders go before links to them, wherever they stand in the alphabet.
            self._inside = {_id(folder) for folder in _real_folders(real)}
        except RuntimeError as error:  # a link to itself, before Python 3.13
            raise _unlisted(root, OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from error
        except OSError as error:
            raise _unlisted(root, error) from error

    def folder(self, path: Path, *, linked: bool, depth: int = 0) -> Folder:
        if depth > DEEPEST:
            raise _too_deep(path)
        found = Folder(path)
        try:
            for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
                self._take(found, entry, linked=linked or entry.is_symlink(), depth=depth)
        except OSError as error:
            raise _unlisted(path, error) from error
        return found

    def _take(self, found: Folder, entry: "os.DirEntry[str]", *, linked: bool, depth: int) -> None:
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
            found.images.append(Path(entry))
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
    """`root`, and what can be reached from it without a link and without a hidden folder."""
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
        f"image folder {folder} lies more than {DEEPEST} folders below data.path: move it up, or leave it out"
    )


def _unlisted(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"image folder {folder} cannot be listed ({error.strerror}): correct data.path, or let this user read it"
    )
