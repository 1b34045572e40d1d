"""Base class of data sets of image files."""

from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ..base import Reopened, SourceRows, checked_indices, one_by_one
from ..files import is_url, join
from ..marks import FileList, FileLists, identity_of, mark_files
from ..safety.urls import asked
from .decode import Decoding
from .files import ImageFiles
from .outside import outside

Content = TypeVar("Content")


@dataclass(frozen=True)
class PictureSet(Reopened[Content]):
    """Image files whose names are the keys of the rows.

    location: the folder or the table.
    """

    location: str
    decoding: Decoding = field(default_factory=Decoding)
    hash_content: bool = False

    @property
    @abstractmethod
    def rows(self) -> SourceRows:
        """Keys are the names of the files."""

    @property
    @abstractmethod
    def folder(self) -> str:
        """The folder to which the names are relative."""

    @property
    def left_out(self) -> dict[str, int]:
        """Number of files in the folder that are not pictures of the data set, by kind."""
        return {}

    @property
    def linked(self) -> int:
        """Number of pictures that are reached by links."""
        return 0

    def asked(self) -> Counter[str]:
        """Number of pictures that are requested from each machine or bucket."""
        names = (name for name in one_by_one(self.rows.keys) if is_url(name) or is_url(self.folder))
        return Counter(each for name in names for each in asked(join(self.folder, name)))

    def outside(self) -> dict[str, int]:
        """Number of pictures outside the folder, by how their names lead there."""
        return outside(self.folder, one_by_one(self.rows.keys))

    def record(self) -> dict[str, Any]:
        """The entry of run.json about the pictures, JSON-ready. Results do not depend on it."""
        return {
            "background": self.decoding.background,
            "left_out": self.left_out,
            "reached_by_links": self.linked,
        }

    @cached_property
    def files(self) -> ImageFiles:
        """The files, in the order of the rows."""
        return ImageFiles(self.folder, self.rows.keys, self.decoding)

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, 3)."""
        return self.files.item_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (B, *item_shape)."""
        return self.files.read(checked_indices(indices, len(self.rows)))

    def file_lists(self) -> FileLists:
        """All pictures."""
        return {"": FileList(self.folder, self.rows.keys)}

    def _files_identity(self, kind: str, marks: pa.Table | None) -> dict[str, Any]:
        marks = marks or mark_files(self.file_lists(), hash_content=self.hash_content)
        return {"kind": kind, **identity_of(marks)}
