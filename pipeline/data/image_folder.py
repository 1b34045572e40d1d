"""A folder of images with one folder per class, optionally inside one folder per split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from .base import SourceRows, split_called, strings
from .pictures.picture_set import PictureSet
from .pictures.walk import OUTSIDE, Folder, suffixes, walk


@dataclass(frozen=True)
class _Listing:
    names: pa.Array
    """Paths relative to the root, with "/"; sorted within a class, and classes within a split."""
    classes: pa.Array
    splits: pa.Array | None
    left_out: dict[str, int]
    linked: int


@dataclass(frozen=True)
class ImageFolder(PictureSet[_Listing]):
    """root/<class>/**/<image>, or root/<train|val|test>/<class>/**/<image>.

    The top folders are splits if all of them have names of splits and contain folders; if only some do, that is an
    error. So "train", with images directly in it, is a class beside the class "bus".
    """

    def _open(self) -> _Listing:
        try:
            return _listed(Path(self.location))
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.location} has a folder whose name is not UTF-8: {error.object!r}: rename it"
            ) from None

    @property
    def rows(self) -> SourceRows:
        """Keys are the paths relative to the root."""
        listing = self.content
        return SourceRows(keys=listing.names, labels=listing.classes, splits=listing.splits)

    @property
    def folder(self) -> str:
        """The root."""
        return self.location

    @property
    def left_out(self) -> dict[str, int]:
        """Number of files and links that were left out, by kind."""
        return self.content.left_out

    @property
    def linked(self) -> int:
        """Number of images that are links, or are in linked folders."""
        return self.content.linked

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """Digest of names, sizes and times, or contents, of all images."""
        return self._files_identity("image-folder", marks)


def _listed(root: Path) -> _Listing:
    found = walk(root)
    tops = found.root.folders
    if not tops:
        raise DataError(
            f"{root} has no folders but needs one for each class: sort the images into folders, "
            'or list them in a table with data.kind = "table"'
        )
    by_split = _are_splits(root, tops)
    outside = [found.root, *(tops if by_split else [])]
    found.left_out[OUTSIDE] += sum(len(folder.images) for folder in outside)
    folders = [each for top in tops for each in top.folders] if by_split else tops
    images = [folder.all_images(root) for folder in folders]
    _refuse_empty([folder for folder, names in zip(folders, images, strict=True) if not len(names)])
    of_folder = pa.array(np.repeat(np.arange(len(folders)), [len(each) for each in images]))
    classes = strings([_class_name(folder) for folder in folders])
    splits = strings([split_called(folder.path.parent.name) for folder in folders])
    return _Listing(
        names=pa.concat_arrays(images),
        classes=classes.take(of_folder),
        splits=splits.take(of_folder) if by_split else None,
        left_out=dict(sorted((kind, count) for kind, count in found.left_out.items() if count)),
        linked=found.linked,
    )


def _refuse_empty(folders: list[Folder]) -> None:
    read = f"({', '.join(suffixes())})"
    if len(folders) == 1:
        raise DataError(f"class folder {folders[0].path} has no image {read}: remove it or fill it")
    if folders:
        paths = _some([str(folder.path) for folder in folders])
        raise DataError(
            f"{len(folders)} class folders have no image {read}: {paths}: remove them or fill them"
        )


def _class_name(folder: Folder) -> str:
    name = folder.path.name.strip()  # like labels in tables
    if not name:
        raise DataError(f"class folder {str(folder.path)!r} has a name of white space: rename it")
    return name


def _are_splits(root: Path, tops: list[Folder]) -> bool:
    splits = [top.path.name for top in tops if split_called(top.path.name) and top.folders]
    others = [top.path.name for top in tops if top.path.name not in splits]
    if splits and others:
        raise DataError(
            f"{root} has folders of splits ({', '.join(splits)}) beside others ({_some(others)}): move the others "
            "elsewhere, or move all images into folders of splits, each with a folder for each class; if all of them "
            "are classes, use a table"
        )
    for split in {split_called(name) for name in splits}:
        same = [name for name in splits if split_called(name) == split]
        if len(same) > 1:
            raise DataError(
                f"{root} has {len(same)} folders for the {split} split ({', '.join(same)}): leave one"
            )
    return bool(splits)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
