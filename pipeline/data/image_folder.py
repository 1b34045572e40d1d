"""A folder of images: one folder for each class, in folders for the splits or not."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .base import SPLIT_NAMES, Reopened, SourceRows, checked_indices, strings
from .files import files_identity
from .images import Colour, ImageFiles

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")
"""Files with other suffixes are not images of the data set."""


@dataclass(frozen=True)
class _Listing:
    names: pa.Array
    """Paths relative to the root, with "/"; sorted within a class, classes sorted within a split."""
    classes: pa.Array
    splits: pa.Array | None


@dataclass(frozen=True)
class ImageFolder(Reopened[_Listing]):
    """root/<class>/**/<image>, or root/<train|val|test>/<class>/**/<image>.

    The folders at the top are splits when all of them have names of splits and hold folders; so a class
    called "train" beside a class called "bus" is a class.
    """

    root: str
    colour: Colour = "rgb"
    size: tuple[int, int] | None = None
    hash_content: bool = False

    def _open(self) -> _Listing:
        root = Path(self.root)
        tops = _folders(root)
        if not tops:
            raise DataError(f"{root} holds no folders: an image folder has one for each class")
        by_split = all(top.name in SPLIT_NAMES and _folders(top) for top in tops)
        names: list[str] = []
        classes: list[str] = []
        splits: list[str] = []
        for folder in [each for top in tops for each in _folders(top)] if by_split else tops:
            images = sorted(path.relative_to(root).as_posix() for path in _images(folder))
            if not images:
                raise DataError(
                    f"class folder {folder} holds no image ({', '.join(SUFFIXES)}): remove it or fill it"
                )
            names += images
            classes += [folder.name] * len(images)
            splits += [SPLIT_NAMES[folder.parent.name] if by_split else ""] * len(images)
        try:
            return _Listing(strings(names), strings(classes), strings(splits) if by_split else None)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{root} has a file whose name is not UTF-8: {error.object!r}: rename it"
            ) from None

    @cached_property
    def _images(self) -> ImageFiles:
        return ImageFiles(self.root, self.content.names, self.colour, self.size)

    @property
    def rows(self) -> SourceRows:
        """Keys are the paths relative to the root."""
        listing = self.content
        return SourceRows(keys=listing.names, labels=listing.classes, splits=listing.splits)

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, 3)."""
        return self._images.item_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (B, *item_shape)."""
        return self._images.read(checked_indices(indices, len(self.content.names)))

    def identity(self) -> dict[str, Any]:
        """Names, sizes and times, or contents, of all images."""
        names = self.content.names.to_pylist()
        files = files_identity(names, folder=self.root, hash_content=self.hash_content)
        return {"kind": "image-folder", **files}


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"image folder {root} cannot be listed ({error.strerror}): correct data.path"
        ) from error


def _images(folder: Path) -> Iterator[Path]:
    for parent, _, files in os.walk(folder, followlinks=True):
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)
