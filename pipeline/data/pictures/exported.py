"""Decoding of image files for an exported encoder, as recorded in encoder.json beside the weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...redact import redacted
from ..files import in_threads, read_bytes
from .decode import RESAMPLING, Decoding, decode_image


@dataclass(frozen=True, slots=True)
class PictureReader:
    """Reads image files like the run that exported the encoder. item_shape: (height, width) or (height, width, 3)."""

    decoding: Decoding
    item_shape: tuple[int, ...]

    def batches(self, paths: Sequence[str | Path], size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the decoded files in batches of at most `size`, uint8 (B, *item_shape). Strings may be fsspec URLs.

        Raises: DataError naming the file that cannot be read or, if pictures are not resized, has another shape.
        """
        for start in range(0, len(paths), size):
            yield np.stack(list(in_threads(self._item, paths[start : start + size])))

    def _item(self, path: str | Path) -> NDArray[np.uint8]:
        name = fspath(path)
        pixels = decode_image(read_bytes(name), subject=redacted(name), decoding=self.decoding).pixels
        if pixels.shape != self.item_shape:
            raise DataError(
                f"image {redacted(name)} has {pixels.shape[0]} × {pixels.shape[1]} pixels but training images had "
                f"{self.item_shape[0]} × {self.item_shape[1]}, and were not resized: resize it to that size"
            )
        return pixels


def as_json(decoding: Decoding) -> dict[str, Any]:
    """The entry of encoder.json. size: [height, width], or null if images were not resized."""
    return {
        "colour": decoding.colour,
        "size": None if decoding.size is None else list(decoding.size),
        "background": decoding.background,
        "resampling": RESAMPLING,
    }


def from_json(value: dict[str, Any], item_shape: tuple[int, ...]) -> PictureReader:
    """The inverse of `as_json`. Raises: KeyError, TypeError or ValueError for an entry of another version."""
    if value["resampling"] != RESAMPLING:
        raise ValueError(
            f"pictures are resized by {value['resampling']}, and this version knows {RESAMPLING}"
        )
    size = value["size"]
    height_width = None if size is None else (int(size[0]), int(size[1]))
    return PictureReader(Decoding(value["colour"], height_width, value["background"]), item_shape)
