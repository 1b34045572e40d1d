"""A table of image paths and labels, in Parquet or CSV, local or behind an fsspec URL."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .base import Reopened, SourceRows, checked_indices
from .columns import read_columns, rows_from_columns
from .files import files_identity, folder_of
from .images import Colour, ImageFiles


@dataclass(frozen=True)
class ImageTable(Reopened[SourceRows]):
    """Images listed in a table with the columns path and label, and perhaps split, role and group.

    Paths are relative to the folder of the table, or absolute, or URLs. A label may be a list (Parquet), or a
    string of several separated by `label_separator`.
    """

    location: str
    colour: Colour = "rgb"
    size: tuple[int, int] | None = None
    label_separator: str | None = None
    hash_content: bool = False

    def _open(self) -> SourceRows:
        table = read_columns(self.location)
        if "path" not in table.column_names:
            raise DataError(f'{self.location} has no column "path": add the path of the image of each row')
        paths = table["path"].combine_chunks().cast("string")
        if paths.null_count:
            raise DataError(f"{self.location} has {paths.null_count} rows without a path: give them one")
        if not len(paths):
            raise DataError(f"{self.location} has no rows: list the images in it")
        return rows_from_columns(table, paths, subject=self.location, separator=self.label_separator)

    @cached_property
    def _images(self) -> ImageFiles:
        return ImageFiles(folder_of(self.location), self.content.keys, self.colour, self.size)

    @property
    def rows(self) -> SourceRows:
        """Keys are the paths as the table has them."""
        return self.content

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
        return self._images.read(checked_indices(indices, len(self.content)))

    def identity(self) -> dict[str, Any]:
        """Names, sizes and times, or contents, of all images; the table itself counts by what it says."""
        names = self.content.keys.to_pylist()
        files = files_identity(names, folder=folder_of(self.location), hash_content=self.hash_content)
        return {"kind": "table", **files}
