"""Image files of a data set, decoded by threads to items of the same shape."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import DataError
from ..files import in_threads, join, read_bytes
from .decode import Decoded, Decoding, decode_image


@dataclass(frozen=True)
class ImageFiles:
    """Image files below a folder, decoded to uint8 (height, width) or (height, width, 3).

    folder: local path or fsspec URL.
    names: string column of paths relative to `folder`, absolute paths, or URLs.
    decoding: without a size, all images must have the size of the first.
    """

    folder: str
    names: pa.Array
    decoding: Decoding

    @cached_property
    def item_shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, 3)."""
        size = self.decoding.size
        if size is not None:
            return size if self.decoding.colour == "grey" else (*size, 3)
        first = self.names[0].as_py()
        return self._decode(first, self.content(first)).pixels.shape

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8 (B, *item_shape) of the files at `indices`."""
        items = np.empty((len(indices), *self.item_shape), dtype=np.uint8)
        names = self.names.take(pa.array(indices)).to_pylist()
        for item, decoded in zip(items, in_threads(self.decoded, names), strict=True):
            item[...] = decoded.pixels
        return items

    def decoded(self, name: str) -> Decoded:
        """The file `name`, decoded. Raises: DataError if it cannot be read or has another shape."""
        return self.fitting(name, self.content(name))

    def content(self, name: str) -> bytes:
        """The bytes of the file `name`. Raises: DataError."""
        return read_bytes(join(self.folder, name))

    def fitting(self, name: str, content: bytes) -> Decoded:
        """`content` of the file `name`, decoded. Raises: as `decoded`."""
        decoded, shape = self._decode(name, content), self.item_shape
        if decoded.pixels.shape != shape:
            raise DataError(
                f"image {join(self.folder, name)} has {decoded.pixels.shape[0]} × {decoded.pixels.shape[1]} pixels "
                f"but the first, {self.names[0]}, has {shape[0]} × {shape[1]}: set data.image_size"
            )
        return decoded

    def _decode(self, name: str, content: bytes) -> Decoded:
        return decode_image(content, subject=join(self.folder, name), decoding=self.decoding)
