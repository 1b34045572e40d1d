"""Fashion-MNIST: 70,000 grey images of 28 × 28 pixels in 10 classes, with a test split of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ..errors import DataError
from .base import Reopened, SourceRows, checked_indices, strings
from .idx import read_idx
from .marks import FileList, FileLists, identity_of, mark_files

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Folder in which Debian's package dataset-fashion-mnist installs the files."""

CLASSES = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
"""Xiao, Rasul, Vollgraf 2017 (arXiv 1708.07747), table 2."""

_PARTS = {"train": "train", "test": "t10k"}

_FETCH_ALL = "fetch all four files again from one place"


@dataclass(frozen=True)
class _Part:
    split: str
    images: NDArray[np.uint8]
    """uint8 (N, 28, 28)."""
    labels: NDArray[np.uint8]
    """uint8 (N,)."""


@dataclass(frozen=True)
class FashionMnist(Reopened[tuple[_Part, ...]]):
    """The four IDX files of a folder, plain or gzip-compressed. Plain files are memory-mapped."""

    folder: str
    hash_content: bool = False

    def _file(self, part: str, content: str) -> Path:
        plain = Path(self.folder, f"{part}-{content}-ubyte")
        for path in (plain, plain.with_name(plain.name + ".gz")):
            if path.exists():
                return path
        raise DataError(
            f"{plain.name}.gz of Fashion-MNIST is not in {self.folder}: give the folder that holds it as data.path, or "
            "`apt-get install dataset-fashion-mnist` and leave data.path out"
        )

    def _files(self) -> list[Path]:
        return [
            self._file(part, content)
            for part in _PARTS.values()
            for content in ("images-idx3", "labels-idx1")
        ]

    def _open(self) -> tuple[_Part, ...]:
        train, test = (self._open_part(split, part) for split, part in _PARTS.items())
        if train.images.shape[1:] != test.images.shape[1:]:
            raise DataError(
                f"images of {self.folder} are {_pixels(train)} for training, {_pixels(test)} for the test: "
                f"they are from different data sets, {_FETCH_ALL}"
            )
        return train, test

    def _open_part(self, split: str, part: str) -> _Part:
        image_file, label_file = self._file(part, "images-idx3"), self._file(part, "labels-idx1")
        images, labels = read_idx(image_file, dimensions=3), read_idx(label_file, dimensions=1)
        if len(images) != len(labels):
            raise DataError(
                f"{label_file} has {len(labels)} labels but {image_file} has {len(images)} images: "
                f"they are from different data sets, {_FETCH_ALL}"
            )
        if labels.size and labels.max() >= len(CLASSES):
            raise DataError(
                f"{label_file} has the label {labels.max()} but Fashion-MNIST has 0 to {len(CLASSES) - 1}: "
                f"it is from another data set, {_FETCH_ALL}"
            )
        return _Part(split, images, labels)

    @property
    def rows(self) -> SourceRows:
        """Keys are "train/00000" and "test/00000" onwards; labels are the names of the classes."""
        keys = [f"{part.split}/{index:05d}" for part in self.content for index in range(len(part.labels))]
        labels = np.array(CLASSES)[np.concatenate([part.labels for part in self.content])]
        splits = [part.split for part in self.content for _ in range(len(part.labels))]
        return SourceRows(keys=strings(keys), labels=strings(labels), splits=strings(splits))

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(28, 28)."""
        return self.content[0].images.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (B, 28, 28)."""
        train, test = self.content
        indices = checked_indices(indices, len(train.labels) + len(test.labels))
        items = np.empty((len(indices), *self.item_shape), dtype=np.uint8)
        of_train = indices < len(train.labels)
        items[of_train] = train.images[indices[of_train]]
        items[~of_train] = test.images[indices[~of_train] - len(train.labels)]
        return items

    def file_lists(self) -> FileLists:
        """The four files."""
        return {"": FileList(self.folder, strings([path.name for path in self._files()]))}

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:
        """Digest of names, sizes and times, or contents, of the four files."""
        marks = marks or mark_files(self.file_lists(), hash_content=self.hash_content)
        return {"kind": "fashion-mnist", **identity_of(marks)}


def _pixels(part: _Part) -> str:
    return " × ".join(map(str, part.images.shape[1:]))
