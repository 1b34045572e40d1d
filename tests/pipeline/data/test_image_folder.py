"""Folders of images, and the decoding of images."""

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.images import decode_image
from tripletmine.pipeline.errors import DataError


def values_of(items: np.ndarray) -> list[int]:
    """Which picture each item is: the value of its green channel."""
    return items[:, 0, 0, 1].tolist()


def test_classes_and_images_are_sorted(image_folder: Path):
    data = ImageFolder(str(image_folder))
    assert data.rows.keys.to_pylist() == [
        "cat/10.png",
        "cat/11.png",
        "cat/12.png",
        "dog/20.png",
        "dog/21.png",
    ]
    assert data.rows.labels.to_pylist() == ["cat"] * 3 + ["dog"] * 2
    assert data.rows.splits is None


def test_items_come_in_the_order_asked_for(image_folder: Path):
    data = ImageFolder(str(image_folder))
    items = data.read([4, 0, 0, 2])
    assert items.shape == (4, 6, 5, 3)
    assert items.dtype == data.dtype == np.uint8
    assert values_of(items) == [21, 10, 10, 12]
    assert items[1, 0, 0].tolist() == [245, 10, 10]


def test_folders_of_splits(tmp_path: Path, write_image: Callable[..., Path]):
    for value, path in enumerate(
        ("train/cat/a.png", "train/dog/deep/b.jpg", "val/cat/c.PNG", "test/dog/d.png")
    ):
        write_image(tmp_path / path, value)
    data = ImageFolder(str(tmp_path))
    assert data.rows.splits is not None
    rows = zip(
        data.rows.keys.to_pylist(), data.rows.labels.to_pylist(), data.rows.splits.to_pylist(), strict=True
    )
    assert list(rows) == [
        ("test/dog/d.png", "dog", "test"),
        ("train/cat/a.png", "cat", "train"),
        ("train/dog/deep/b.jpg", "dog", "train"),
        ("val/cat/c.PNG", "cat", "validation"),
    ]


def test_a_class_called_train(tmp_path: Path, write_image: Callable[..., Path]):
    for value, path in enumerate(("train/a.png", "bus/b.png")):
        write_image(tmp_path / path, value)
    assert ImageFolder(str(tmp_path)).rows.labels.to_pylist() == ["bus", "train"]
    (tmp_path / "bus").rename(tmp_path / "test")
    assert ImageFolder(str(tmp_path)).rows.labels.to_pylist() == ["test", "train"]


def test_other_files_and_hidden_ones_are_left_out(image_folder: Path):
    (image_folder / "cat" / "notes.txt").write_text("no image")
    (image_folder / "cat" / "._10.png").write_bytes(b"a Mac's")
    (image_folder / ".cache").mkdir()
    assert len(ImageFolder(str(image_folder)).rows) == 5


def test_resizing_and_grey(image_folder: Path):
    data = ImageFolder(str(image_folder), "grey", (3, 4))
    assert data.item_shape == (3, 4)
    items = data.read([0])
    expected = np.asarray(Image.open(image_folder / "cat" / "10.png").convert("L"))[0, 0]
    assert items.shape == (1, 3, 4)
    assert np.all(items == expected)


def test_a_pickle_holds_no_listing(image_folder: Path):
    data = ImageFolder(str(image_folder))
    data.read([0])
    pickled = pickle.dumps(data)
    assert b"cat" not in pickled
    assert values_of(pickle.loads(pickled).read([3])) == [20]


def test_images_of_several_sizes_without_a_size(image_folder: Path, write_image: Callable[..., Path]):
    write_image(image_folder / "dog" / "99.png", 99, height=7, width=9)
    message = "dog/99.png has 7 × 9 pixels but the first, cat/10.png, has 6 × 5: set data.image_size"
    with pytest.raises(DataError, match=message):
        ImageFolder(str(image_folder)).read([0, 5])


@pytest.mark.parametrize("content", [b"", b"no image", None], ids=["empty", "text", "truncated"])
def test_an_unreadable_image_is_named(image_folder: Path, content: bytes | None):
    path = image_folder / "dog" / "20.png"
    if content is None:
        noise = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        content = encoded(Image.fromarray(noise), "PNG")[:-40]
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"image .*dog/20\.png cannot be decoded"):
        ImageFolder(str(image_folder)).read([0, 3])


def test_an_image_that_vanished_is_named(image_folder: Path):
    data = ImageFolder(str(image_folder))
    assert len(data.rows) == 5
    (image_folder / "dog" / "20.png").unlink()
    with pytest.raises(DataError, match=r"dog/20\.png does not exist"):
        data.read([3])
    with pytest.raises(DataError, match=r"dog/20\.png does not exist"):
        data.identity()


def test_missing_empty_and_half_empty_folders(tmp_path: Path, image_folder: Path):
    with pytest.raises(DataError, match=r"image folder .*/none cannot be listed"):
        len(ImageFolder(str(tmp_path / "none")).rows)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no folders"):
        len(ImageFolder(str(tmp_path / "empty")).rows)
    (image_folder / "mouse").mkdir()
    with pytest.raises(DataError, match=r"class folder .*/mouse holds no image"):
        len(ImageFolder(str(image_folder)).rows)


@pytest.mark.parametrize("hash_content", [False, True])
def test_identity_follows_the_files_and_not_the_place(image_folder: Path, hash_content: bool):
    def identity(root: Path) -> dict[str, object]:
        return ImageFolder(str(root), hash_content=hash_content).identity()

    before = identity(image_folder)
    assert before["files"] == 5
    moved = image_folder.rename(image_folder.with_name("moved"))
    assert identity(moved) == before
    path = moved / "cat" / "10.png"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert (identity(moved) == before) is hash_content  # another time, the same bytes
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (identity(moved) == before) is not hash_content  # other bytes, the same size and time


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_more_than_8_bits_are_refused():
    content = encoded(Image.fromarray(np.full((4, 4), 3000, np.uint16)), "PNG")
    with pytest.raises(DataError, match=r"deep.png has mode I;16, more than 8 bits a channel"):
        decode_image(content, subject="deep.png", colour="grey", size=None)


def test_a_palette_with_transparency_is_decoded():
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    content = encoded(palette, "PNG", transparency=bytes([255, 128]))
    assert decode_image(content, subject="p", colour="rgb", size=None)[0, 0].tolist() == [10, 20, 30]


def test_a_camera_on_its_side_is_turned_upright():
    picture = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    content = encoded(picture, "PNG", exif=exif)
    assert decode_image(content, subject="p", colour="grey", size=None).tolist() == [[3, 0], [4, 1], [5, 2]]
