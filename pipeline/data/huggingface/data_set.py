"""Pictures or vectors of a data set that `datasets` opens."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError
from ..base import Reopened, SourceRows, checked_indices, strings
from ..columns import ROW_NAMES, as_strings, rows_from_columns
from ..files import in_threads, join, read_bytes
from ..marks import FileList, FileLists, identity_of, mark_files
from ..pictures.decode import Decoding, decode_image
from ..tables.form import AS_USUAL, TableForm
from .opened import Opened, Part, opened


@dataclass(frozen=True)
class HuggingFace(Reopened[Opened]):
    """Rows with a picture or a vector each, and the columns label and, optionally, key, split, role and group.

    location: see `opened`; splits called train, validation and test become those of the run.
    decoding: of pictures. form: own names of columns, and the separator of a CSV file.
    """

    location: str
    decoding: Decoding = field(default_factory=Decoding)
    hash_content: bool = False
    label_separator: str | None = None
    form: TableForm = AS_USUAL

    def _open(self) -> Opened:
        return opened(self.location, self.form)

    @property
    def rows(self) -> SourceRows:
        """Keys are the column key, if there is one, else row numbers: "0" onwards, or "test/0" with splits."""
        return self._rows

    @cached_property
    def _rows(self) -> SourceRows:
        tables = [self._table(part) for part in self.content.parts]
        table = pa.concat_tables(tables)
        keys = as_strings(table["key"].combine_chunks(), subject=f'{self.location}, column "key"')
        return rows_from_columns(table, keys, subject=self.location, separator=self.label_separator)

    def _table(self, part: Part) -> pa.Table:
        """The columns that are read, by our names."""
        there = {self.form.names.get(name, name): name for name in ("key", *ROW_NAMES)}
        wanted = {theirs: ours for theirs, ours in there.items() if theirs in self.content.columns}
        columns = {ours: _column(part, theirs, self.location) for theirs, ours in wanted.items()}
        if part.split is not None:
            columns["split"] = strings([part.split] * len(part.rows))
        if "key" not in columns:
            of_split = "" if part.split is None else f"{part.split}/"
            columns["key"] = strings([f"{of_split}{row}" for row in range(len(part.rows))])
        return pa.table(columns)

    def __len__(self) -> int:
        return sum(len(part.rows) for part in self.content.parts)

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, 3) of pictures; (D,), (H, W) or (H, W, C) of vectors."""
        return self._item_shape

    @cached_property
    def _item_shape(self) -> tuple[int, ...]:
        size = self.decoding.size
        if not self.content.pictures:
            return self._vectors(self.content.parts[0], np.zeros(1, np.int64)).shape[1:]
        if size is not None:
            return size if self.decoding.colour == "grey" else (*size, 3)
        return self._picture((self.content.parts[0], 0)).shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for pictures, float32 for vectors."""
        return np.dtype(np.uint8 if self.content.pictures else np.float32)

    def read(self, indices: ArrayLike) -> NDArray[Any]:
        """uint8 or float32 (B, *item_shape). Raises: DataError naming the row."""
        indices = checked_indices(indices, len(self))
        items = np.empty((len(indices), *self.item_shape), self.dtype)
        for part, places, rows in self._by_part(indices):
            if self.content.pictures:
                found = in_threads(self._fitting, [(part, int(row)) for row in rows])
                for place, pixels in zip(places, found, strict=True):
                    items[place] = pixels
            else:
                items[places] = self._finite(self._vectors(part, rows), part, rows)
        return items

    def _by_part(
        self, indices: NDArray[np.int64]
    ) -> Iterator[tuple[Part, NDArray[np.int64], NDArray[np.int64]]]:
        """(part, positions in `indices`, rows of the part)."""
        first = 0
        for part in self.content.parts:
            places = np.flatnonzero((indices >= first) & (indices < first + len(part.rows)))
            if len(places):
                yield part, places, indices[places] - first
            first += len(part.rows)

    def _vectors(self, part: Part, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        column = self.content.item
        values = part.rows.with_format("numpy", columns=[column])[rows][column]
        try:
            vectors = np.stack(list(values)).astype(np.float32)
        except ValueError as error:
            raise DataError(
                f'{self.location}, column "{column}" has values of different shapes, or that are not numbers '
                f"({error}): give each row the same number of values"
            ) from None
        if vectors.ndim not in (2, 3, 4):
            raise DataError(
                f'{self.location}, column "{column}" has a single number per row: name the column of the vectors, such '
                'as data.columns = { vector = "clip" }'
            )
        return vectors

    def _finite(
        self, vectors: NDArray[np.float32], part: Part, rows: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        broken = ~np.isfinite(vectors).all(axis=tuple(range(1, vectors.ndim)))
        if broken.any():
            raise DataError(
                f"{_subject(self.location, part, int(rows[broken][0]))} has NaN or infinite values, and so have "
                f"{int(broken.sum())} of the {len(vectors)} rows read: mend them or leave them out"
            )
        return vectors

    def _fitting(self, place: tuple[Part, int]) -> NDArray[np.uint8]:
        pixels = self._picture(place)
        if pixels.shape != self.item_shape:
            raise DataError(
                f"{_subject(self.location, *place)} is a picture of {pixels.shape[0]} × {pixels.shape[1]} pixels but "
                f"the first has {self.item_shape[0]} × {self.item_shape[1]}: set data.image_size"
            )
        return pixels

    def _picture(self, place: tuple[Part, int]) -> NDArray[np.uint8]:
        part, row = place
        subject = _subject(self.location, part, row)
        value = part.items[row][self.content.item]
        content = None
        if isinstance(value, dict):
            content, value = value["bytes"], value["path"]
        if content is None:
            if not value:
                raise DataError(f"{subject} has no picture: leave the row out")
            content = read_bytes(join(str(Path(self.location).parent), value))
        return decode_image(content, subject=subject, decoding=self.decoding).pixels

    def file_lists(self) -> FileLists:
        """All files, except hidden ones and caches of `datasets`."""
        root = Path(self.location)
        if not root.is_dir():
            return {"": FileList(str(root.parent), strings([root.name]))}
        names = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        kept = [
            name.as_posix()
            for name in names
            if not any(part.startswith(".") for part in name.parts) and not name.name.startswith("cache-")
        ]
        return {"": FileList(str(root), strings(sorted(kept)))}

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """Digest of names, sizes and times, or contents, of all files."""
        marks = marks or mark_files(self.file_lists(), hash_content=self.hash_content)
        return {"kind": "huggingface", **identity_of(marks)}


def _subject(location: str, part: Part, row: int) -> str:
    return f"{location}, row {row} (from 0)" + ("" if part.split is None else f" of the {part.split} split")


def _column(part: Part, name: str, location: str) -> pa.Array:
    """A column, with class codes replaced by class names."""
    import datasets

    column = part.rows.select_columns([name]).with_format("arrow")[:][name].combine_chunks()
    feature = part.rows.features[name]
    inner = getattr(feature, "feature", None)
    classes = next((each for each in (feature, inner) if isinstance(each, datasets.ClassLabel)), None)
    if classes is None:
        return column
    codes = column if classes is feature else column.flatten()
    values = codes.to_numpy(zero_copy_only=False)
    if codes.null_count or (values < 0).any():
        where = int(np.flatnonzero(~(values >= 0))[0])
        raise DataError(
            f"{_subject(location, part, where)} has no class in {name!r}, as rows of test splits often have: "
            "remove that split, or name another column"
        )
    names = pa.array(classes.names).take(codes.cast(pa.int64()))
    return names if classes is feature else pa.ListArray.from_arrays(column.offsets.cast(pa.int32()), names)
