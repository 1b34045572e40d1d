"""Image files: decoded with Pillow, brought to one number of channels and one size, by a few threads."""

import io
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import DataError
from .files import in_threads, join, read_bytes

Colour = Literal["grey", "rgb"]

_MODES = {"grey": "L", "rgb": "RGB"}
_DEEP = ("I", "F")
"""Modes of more than 8 bits a channel begin with these. Pillow clips them to 255: a white picture."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files below a folder, decoded to uint8 (height, width), or (height, width, 3) with colours.

    folder: local path or fsspec URL.
    names: string column, relative to it (or absolute, or URLs).
    size: (height, width) to which images are resized, the whole picture and not a crop; None where all have
    one size already, which is then that of the first.
    """

    folder: str
    names: pa.Array
    colour: Colour
    size: tuple[int, int] | None

    @cached_property
    def item_shape(self) -> tuple[int, ...]:
        """(height, width) or (height, width, 3)."""
        if self.size is not None:
            return self.size if self.colour == "grey" else (*self.size, 3)
        return self._decode(self.names[0].as_py()).shape

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """uint8 (B, *item_shape) of the files at `indices`."""
        items = np.empty((len(indices), *self.item_shape), dtype=np.uint8)
        names = self.names.take(pa.array(indices)).to_pylist()
        for item, name, image in zip(items, names, in_threads(self._decode, names), strict=True):
            if image.shape != item.shape:
                raise DataError(
                    f"image {join(self.folder, name)} has {image.shape[0]} × {image.shape[1]} pixels but the "
                    f"first, {self.names[0]}, has {item.shape[0]} × {item.shape[1]}: set data.image_size"
                )
            item[...] = image
        return items

    def _decode(self, name: str) -> NDArray[np.uint8]:
        location = join(self.folder, name)
        return decode_image(read_bytes(location), subject=location, colour=self.colour, size=self.size)


def decode_image(
    content: bytes, *, subject: str, colour: Colour, size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    """Decode one image to uint8 (height, width) or (height, width, 3), turned upright as its camera says.

    Raises: DataError naming `subject`, where it is no image, broken off, or has more than 8 bits a channel.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.mode.startswith(_DEEP):
                raise DataError(
                    f"image {subject} has mode {image.mode}, more than 8 bits a channel: convert it to 8 bits"
                )
            upright = ImageOps.exif_transpose(image)
            if "transparency" in upright.info:
                upright = upright.convert(
                    "RGBA"
                )  # else Pillow warns, and drops the palette's transparency anyhow
            pixels = upright.convert(_MODES[colour])
            if size is not None and (pixels.height, pixels.width) != size:
                pixels = pixels.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    except DataError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, their own …
        raise DataError(
            f"image {subject} cannot be decoded ({type(error).__name__}: {error}): replace it or leave it out"
        ) from error
    return np.asarray(pixels, dtype=np.uint8)
