"""Which pictures a run would refuse, and which it would read differently from what a viewer shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.pictures.examine import examine, transparent_pictures
from tripletmine.pipeline.errors import DataError


def test_unreadable_pictures_are_named_and_counted(image_folder: Path, write_image: Callable[..., Path]):
    (image_folder / "cat" / "11.png").write_bytes(b"no picture")
    (image_folder / "cat" / "12.png").write_bytes(b"")
    write_image(image_folder / "dog" / "20.png", 20, height=9)
    examined = examine(ImageFolder(str(image_folder)))
    assert (examined.pictures, examined.read, len(examined.unreadable)) == (5, 5, 3)
    with pytest.raises(
        DataError, match=r"3 of the 5 pictures .*cat/11\.png .*cat/12\.png .*dog/20\.png has 9 × 5"
    ):
        examined.refuse_unreadable()


def test_a_sample_or_all(tmp_path: Path, write_image: Callable[..., Path]):
    for index in range(40):
        write_image(tmp_path / "ab"[index % 2] / f"{index:02}.png", index)
    (tmp_path / "a" / "02.png").write_bytes(b"no picture")  # the second of 40
    data = ImageFolder(str(tmp_path))
    assert (examine(data, 5).read, examine(data, 5).unreadable) == (5, ())
    assert examine(data, None).read == 40
    assert len(examine(data, None).unreadable) == 1
    examine(data, 5).refuse_unreadable()


def test_transparent_and_animated_pictures_are_counted(image_folder: Path):
    pixels = np.full((6, 5, 4), 255, np.uint8)
    Image.fromarray(pixels).save(image_folder / "dog" / "22.png")  # with an alpha, but opaque
    pixels[0, 0, 3] = 254
    Image.fromarray(pixels).save(image_folder / "dog" / "23.png")
    frames = [Image.new("RGB", (5, 6), colour) for colour in ("red", "blue")]
    frames[0].save(image_folder / "dog" / "24.gif", save_all=True, append_images=frames[1:])
    data = ImageFolder(str(image_folder))
    examined = examine(data)
    assert (examined.transparent, examined.first_transparent, examined.animated) == (1, "dog/23.png", 1)
    assert transparent_pictures(data) == ["dog/23.png"]
