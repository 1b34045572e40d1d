"""A table of image paths and labels, in Parquet, CSV or TSV, local or behind an fsspec URL."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..errors import DataError
from ..redact import redacted
from .base import SourceRows, one_by_one, tidy_paths
from .columns import ROW_NAMES, as_strings, read_columns, rows_from_columns
from .files import folder_of, is_url
from .marks import FileList, FileLists
from .pictures.picture_set import PictureSet
from .safety.urls import local_host
from .tables.form import AS_USUAL, TableForm


@dataclass(frozen=True)
class ImageTable(PictureSet[SourceRows]):
    """Images listed in a table with the columns path and label and, optionally, split, role and group.

    Paths are relative to the folder of the table, absolute, or URLs. A row may have several labels: a list (Parquet) or
    a string with `label_separator`. form: the layout of the table.
    """

    label_separator: str | None = None
    allow_local_urls: bool = False
    form: TableForm = AS_USUAL

    def _open(self) -> SourceRows:
        table = read_columns(self.location, ("path", *ROW_NAMES), self.form)
        if "path" not in table.column_names:
            raise DataError(
                f'{self.location} has no column "path": add the path of the image of each row, or give its own name '
                'with data.columns: { path = "photo" }'
            )
        paths = as_strings(table["path"].combine_chunks(), subject=f'{self.location}, column "path"')
        if paths.null_count:
            raise DataError(f"{self.location} has {paths.null_count} rows without a path: give them one")
        if not len(paths):
            raise DataError(f"{self.location} has no rows: list the images in it")
        if not self.allow_local_urls:
            self._refuse_local(paths)
        return rows_from_columns(table, paths, subject=self.location, separator=self.label_separator)

    def _refuse_local(self, paths: pa.Array) -> None:
        """Refuse local URLs, through which a table could make this machine request what only it can reach."""
        for row, path in enumerate(one_by_one(paths)):
            host = local_host(path) if is_url(path) else None
            if host is not None:
                raise DataError(
                    f"{self.location}, row {row} (from 0) has the URL {redacted(path)}, and {host} "
                    "is this machine or on its local link: take it out, or set data.allow_local_urls = true"
                )

    @property
    def rows(self) -> SourceRows:
        """Keys are the normalised paths: ./x.png is x.png."""
        return self._rows

    @cached_property
    def _rows(self) -> SourceRows:
        return replace(self.content, keys=tidy_paths(self.content.keys))

    def file_lists(self) -> FileLists:
        """All pictures, by their paths in the table."""
        return {"": FileList(self.folder, self.content.keys)}

    @property
    def folder(self) -> str:
        """The folder of the table."""
        return folder_of(self.location)

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """Digest of names, sizes and times, or contents, of all images; the rows cover the table itself."""
        return self._files_identity("table", marks)
