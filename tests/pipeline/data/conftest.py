"""Data sets written to disk for the tests of pipeline.data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def picture(value: int, *, height: int = 6, width: int = 5) -> Image.Image:
    """An RGB image of one colour that is unlike that of another value, so that a swapped image is noticed."""
    pixels = np.full((height, width, 3), value, dtype=np.uint8)
    pixels[..., 0] = 255 - value
    return Image.fromarray(pixels)


@pytest.fixture
def write_image() -> Callable[..., Path]:
    """Write `picture(value)` to a path, folders included."""

    def write(path: Path, value: int, *, height: int = 6, width: int = 5) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(value, height=height, width=width).save(path)
        return path

    return write


@pytest.fixture
def image_folder(tmp_path: Path, write_image: Callable[..., Path]) -> Path:
    """root/<class>/<image>.png: 3 cats (values 10, 11, 12) and 2 dogs (20, 21); class folders sorted."""
    root = tmp_path / "pets"
    for name, values in (("dog", (20, 21)), ("cat", (10, 11, 12))):
        for value in values:
            write_image(root / name / f"{value}.png", value)
    return root
