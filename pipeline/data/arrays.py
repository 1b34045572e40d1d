"""Vectors or images in array files, with labels in the same file or in another."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .base import Reopened, SourceRows, checked_indices, strings
from .columns import ROW_NAMES, as_strings, is_table, read_columns, rows_from_columns
from .files import folder_of, is_url
from .marks import FileList, FileLists, identity_of, mark_files
from .tables.form import AS_USUAL, TableForm
from .vectors import Vectors, has_labels, open_labels, open_vectors, read_values


@dataclass(frozen=True)
class Arrays(Reopened[Vectors]):
    """Vectors (N, D), or images (N, H, W) or (N, H, W, C), from .npy, .npz, Zarr or Parquet.

    location: the file with the vectors.
    labels: the file with the labels (.npy, .npz, Zarr; Parquet, CSV and TSV may also have the columns key, split,
    role and group); None if they are in the same file. form: the layout of a table of labels.
    uint8 (pixels) is kept; every other numeric type is read as float32.
    """

    location: str
    labels: str | None = None
    label_separator: str | None = None
    hash_content: bool = False
    form: TableForm = AS_USUAL

    def _open(self) -> Vectors:
        return open_vectors(self.location, self.form.called("vector"))

    @property
    def rows(self) -> SourceRows:
        """Keys are the column key of the table of labels, if there is one, else the row numbers "0" onwards."""
        return self._rows

    @cached_property
    def _rows(self) -> SourceRows:
        source = self.labels or self.location
        keys = pa.array(np.arange(len(self))).cast(pa.string())
        if is_table(source):
            table = read_columns(source, ("key", *ROW_NAMES), self.form)
            self._check_length(table.num_rows, source)
            if "key" in table.column_names:
                keys = as_strings(table["key"].combine_chunks(), subject=f'{source}, column "key"')
            return rows_from_columns(table, keys, subject=source, separator=self.label_separator)
        if self.labels is None and not has_labels(self.location, self.form.called("label")):
            raise DataError(
                f"data.labels is missing but {self.location} has no labels: name the file of labels"
            )
        labels = open_labels(source, self.form.called("label"), separator=self.label_separator)
        self._check_length(len(labels), source)
        return SourceRows(keys=keys, labels=labels)

    def _check_length(self, labels: int, source: str) -> None:
        if labels != len(self):
            raise DataError(
                f"{source} has {labels} labels but {self.location} has {len(self)} rows: "
                "give the labels of the same rows, in the same order"
            )

    def __len__(self) -> int:
        return int(self.content.shape[0])

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(D,), (H, W) or (H, W, C)."""
        return tuple(int(side) for side in self.content.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 if the file has uint8, else float32."""
        return np.dtype(np.uint8) if self.content.dtype == np.uint8 else np.dtype(np.float32)

    def read(self, indices: ArrayLike) -> NDArray[Any]:
        """uint8 or float32 (B, *item_shape).

        Raises: DataError naming the first row with NaN or inf.
        """
        indices = checked_indices(indices, len(self))
        stored = read_values(self.content, self.location, indices)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which is refused below
            items = stored.astype(self.dtype, copy=False)
        broken = ~np.isfinite(items).all(axis=tuple(range(1, items.ndim)))
        if broken.any():
            raise DataError(
                f"{self.location} has NaN or infinite values in row {indices[broken][0]} (from 0), and in "
                f"{int(broken.sum())} of the {len(items)} rows read: mend them or leave them out"
            )
        return items

    def read_stored(self) -> NDArray[Any]:
        """All items with the file's own dtype. Raises: DataError naming the file."""
        return read_values(self.content, self.location)

    def file_lists(self) -> FileLists:
        """The files of the vectors and, if separate, of the labels; all files of a Zarr folder."""
        parts = {"vectors": self.location, "labels": self.labels}
        return {
            part: FileList(folder_of(location), strings(_files(location)))
            for part, location in parts.items()
            if location is not None
        }

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """Digests of names, sizes and times, or contents, of the files."""
        marks = marks or mark_files(self.file_lists(), hash_content=self.hash_content)
        parts = ("vectors",) if self.labels is None else ("vectors", "labels")
        return {"kind": "arrays", **{part: identity_of(marks, part) for part in parts}}


def _files(location: str) -> list[str]:
    """The files of an array, relative to its parent folder."""
    folder = folder_of(location)
    if not is_url(location):
        path = Path(location)
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        return [each.relative_to(folder).as_posix() for each in files]
    import fsspec

    files_of, path = fsspec.core.url_to_fs(location)
    if not files_of.isdir(path):
        return [location.partition("::")[0].rpartition("/")[2]]
    parent = path.rstrip("/").rpartition("/")[0]
    found: list[str] = sorted(files_of.find(path))
    return [each.removeprefix(parent).lstrip("/") for each in found]
