"""Folders of images."""

import os
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features
from tripletmine.pipeline.data.image_folder import ImageFolder
from tripletmine.pipeline.data.pictures.decode import Decoding
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
    data = ImageFolder(str(image_folder), Decoding("grey", (3, 4)))
    assert data.item_shape == (3, 4)
    items = data.read([0])
    expected = np.asarray(Image.open(image_folder / "cat" / "10.png").convert("L"))[0, 0]
    assert items.shape == (1, 3, 4)
    assert np.all(items == expected)


def test_a_pickle_holds_no_listing(image_folder: Path):
    data = ImageFolder(str(image_folder))
    data.read([0])
    pickled = pickle.dumps(data)
    assert b"cat/" not in pickled
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
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[:-40]
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
    with pytest.raises(DataError, match="has no folders"):
        len(ImageFolder(str(tmp_path / "empty")).rows)
    (image_folder / "mouse").mkdir()
    with pytest.raises(DataError, match=r"class folder .*/mouse has no image"):
        len(ImageFolder(str(image_folder)).rows)


def test_a_class_of_white_space(image_folder: Path, write_image: Callable[..., Path]):
    write_image(image_folder / " " / "0.png", 1)
    with pytest.raises(DataError, match=r"class folder '.*/ ' has a name of white space: rename it"):
        _ = ImageFolder(str(image_folder)).rows


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


def labels_and_splits(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows there are of each label, and of each split."""
    rows = ImageFolder(str(root)).rows
    splits = [] if rows.splits is None else rows.splits.to_pylist()
    return Counter(rows.labels.to_pylist()), Counter(splits)


@pytest.mark.parametrize(
    "names",
    [("Train", "Val", "Test"), ("training", "valid", "testing"), ("TRAIN", "Validation", "test")],
    ids=lambda names: names[0],
)
def test_splits_go_by_several_names(tmp_path: Path, write_image: Callable[..., Path], names: tuple[str, ...]):
    for value, path in enumerate(f"{split}/{label}/0.png" for split in names for label in ("cat", "dog")):
        write_image(tmp_path / path, value)
    labels, splits = labels_and_splits(tmp_path)
    assert labels == {"cat": 3, "dog": 3}
    assert splits == {"train": 2, "validation": 2, "test": 2}


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (
            ("train/cat/a.png", "val/cat/b.png", "unlabelled/x/c.png"),
            r"splits \(train, val\) beside others \(unlabelled\)",
        ),
        (
            ("train/cat/a.png", "test/1.png"),
            r"splits \(train\) beside others \(test\)",
        ),  # as in a competition
        (("cat/a.png", "dog/a.png", "test/cat/b.png"), r"splits \(test\) beside others \(cat, dog\)"),
        (
            ("train/cat/a.png", "val/cat/b.png", "Valid/cat/c.png"),
            r"2 folders for the validation split \(Valid, val\)",
        ),
    ],
)
def test_folders_that_are_neither_splits_nor_classes_are_named(
    tmp_path: Path, write_image: Callable[..., Path], paths: tuple[str, ...], message: str
):
    for value, path in enumerate(paths):
        write_image(tmp_path / path, value)
    with pytest.raises(DataError, match=message):
        len(ImageFolder(str(tmp_path)).rows)


def test_what_is_left_out_is_counted_by_kind(image_folder: Path, write_image: Callable[..., Path]):
    write_image(image_folder / "cat" / ".ipynb_checkpoints" / "20-checkpoint.png", 20)
    write_image(image_folder / "__MACOSX" / "cat" / "10.png", 10)
    write_image(image_folder / "stray.png", 1)
    for name in (
        "cat/._10.png",
        ".DS_Store",
        "dog/Thumbs.db",
        "cat/notes.txt",
        "dog/a.HEIC",
        "dog/b.heic",
        "dog/LICENSE",
    ):
        (image_folder / name).write_bytes(b"x")
    os.mkfifo(image_folder / "dog" / "pipe.png")
    data = ImageFolder(str(image_folder))
    assert len(data.rows) == 5
    assert data.left_out == {
        "*.heic": 2,
        "*.txt": 1,
        "hidden, or left by a system or archive": 5,
        "images outside of class folders": 1,
        "neither files nor folders": 1,
        "no suffix": 1,
    }
    assert data.record()["left_out"] == data.left_out


def test_links_that_lead_round_or_up_are_left_out(image_folder: Path, write_image: Callable[..., Path]):
    write_image(image_folder.parent / "other" / "x.png", 1)  # an upward link would find it
    (image_folder / "cat" / "self").symlink_to(image_folder / "cat")
    (image_folder / "cat" / "up").symlink_to(image_folder.parent)
    (image_folder / "dog" / "root").symlink_to("..")
    (image_folder / "ant").symlink_to(
        image_folder / "dog"
    )  # before "dog" in the alphabet: the real folder is read
    (image_folder / "dog" / "gone.png").symlink_to("nowhere.png")
    data = ImageFolder(str(image_folder))
    assert labels_and_splits(image_folder)[0] == {"cat": 3, "dog": 2}
    assert data.left_out == {
        "links to folders above": 2,
        "links to folders that are read already": 2,
        "links to nothing": 1,
    }
    assert data.linked == 0


def test_links_to_other_places_are_followed_once(image_folder: Path, write_image: Callable[..., Path]):
    elsewhere = image_folder.parent / "elsewhere"
    write_image(elsewhere / "30.png", 30)
    write_image(elsewhere / "deep" / "31.png", 31)
    (elsewhere / "deep" / "round").symlink_to(elsewhere)
    (image_folder / "hen").symlink_to(elsewhere)
    (image_folder / "owl").mkdir()
    write_image(image_folder / "owl" / "40.png", 40)
    (image_folder / "owl" / "again").symlink_to(elsewhere)
    (image_folder / "owl" / "10.png").symlink_to(image_folder / "cat" / "10.png")
    data = ImageFolder(str(image_folder))
    assert labels_and_splits(image_folder)[0] == {"cat": 3, "dog": 2, "hen": 2, "owl": 2}
    assert data.left_out == {"links to folders that are read already": 2}
    assert data.linked == 3
    assert values_of(data.read([5, 6])) == [30, 31]


def test_a_root_that_is_a_link(image_folder: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(image_folder)
    (image_folder / "cat" / "self").symlink_to(tmp_path / "link")
    assert labels_and_splits(tmp_path / "link")[0] == {"cat": 3, "dog": 2}


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "pbm", "avif"])
def test_more_suffixes_of_images(image_folder: Path, suffix: str):
    if suffix == "avif" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    image = Image.new("1" if suffix == "pbm" else "RGB", (5, 6), "white")
    image.save(image_folder / "dog" / f"30.{suffix}", "JPEG" if suffix == "jfif" else None)
    data = ImageFolder(str(image_folder))
    assert data.rows.keys.to_pylist()[-1] == f"dog/30.{suffix}"
    assert data.read([5]).min() > 250
