"""The characters of many typefaces."""

import os
import pickle
import subprocess
import sys
import unicodedata
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from tripletmine.pipeline.data.letters import faces
from tripletmine.pipeline.data.letters.data_set import Letters
from tripletmine.pipeline.data.letters.drawing import Drawn
from tripletmine.pipeline.data.letters.faces import FACES, class_name, font_file
from tripletmine.pipeline.errors import DataError


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters()


@pytest.fixture(scope="module")
def drawn(letters: Letters) -> Drawn:
    return letters.content


def test_there_are_many_classes_of_at_least_twelve_images(letters, drawn):
    sizes = Counter(letters.rows.labels.to_pylist())
    assert len(sizes) > 2300
    assert set(sizes.values()) <= set(range(12, len(FACES) + 1))
    assert len(letters.rows) == sum(sizes.values()) == len(drawn.images) > 31_000
    assert len(set(letters.rows.keys.to_pylist())) == len(letters.rows)
    assert len(sizes) == len(set(drawn.characters))
    assert letters.rows.splits is letters.rows.roles is letters.rows.groups is None


def test_every_image_shows_something(letters, drawn):
    assert drawn.images.shape[1:] == letters.item_shape == (24, 24)
    assert drawn.images.dtype == letters.dtype == np.uint8
    assert drawn.images.max(axis=(1, 2)).min() > 50
    assert (
        drawn.images.min(axis=(1, 2)).max() < 100
    )  # and none is a full square, but for the full block's margin
    assert not any(unicodedata.category(character)[0] in "CMZ" for character in drawn.characters)
    assert (
        "\N{OBJECT REPLACEMENT CHARACTER}" not in drawn.characters
    )  # all faces have it, and it leaves no ink


@pytest.mark.parametrize("face", FACES)
def test_no_image_shows_the_box_that_stands_for_a_missing_character(face, drawn):
    """In STIX the box is empty; another test checks that no image is."""
    font = ImageFont.truetype(str(font_file(face)), 16, layout_engine=ImageFont.Layout.BASIC)
    box = Image.new("L", (24, 24))
    ImageDraw.Draw(box).text((12, 17), "\U000fffff", fill=255, font=font, anchor="ms")
    of_face = np.array([each == face for each in drawn.faces])
    assert of_face.sum() > 700
    assert not (drawn.images[of_face] == np.asarray(box)).all(axis=(1, 2)).any()


def test_rows_name_the_character_and_its_face(letters, drawn):
    keys, labels = letters.rows.keys.to_pylist(), letters.rows.labels.to_pylist()
    at = keys.index("U+0410/DejaVuSerif-Bold")
    assert (drawn.characters[at], drawn.faces[at]) == ("А", "DejaVuSerif-Bold")
    assert labels[at] == "Cyrillic capital A (А)"


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("A", "Latin capital A (A)"),
        ("à", "Latin small a with grave (à)"),
        ("Ω", "Greek capital omega (Ω)"),
        ("7", "Digit seven (7)"),
        ("→", "Rightwards arrow (→)"),
        ("~", "Tilde (~)"),
    ],
)
def test_names_of_classes_are_readable(character, name):
    assert class_name(character) == name


def test_characters_that_look_alike_stay_classes_of_their_own(letters, drawn):
    """Latin, Greek and Cyrillic A are one drawing in DejaVu."""
    keys = letters.rows.keys.to_pylist()
    images = {drawn.images[keys.index(f"U+{code}/DejaVuSans")].tobytes() for code in ("0041", "0391", "0410")}
    assert len(images) == 1
    assert {"A", "Α", "А"} <= set(drawn.characters)


def test_items_are_read_by_their_place(letters, drawn):
    indices = np.array([5, 0, len(drawn.images) - 1])
    np.testing.assert_array_equal(letters.read(indices), drawn.images[indices])
    with pytest.raises(IndexError):
        letters.read([-1])


def test_another_process_draws_the_same_bytes(letters):
    program = (
        "from tripletmine.pipeline.data.letters.data_set import Letters\n"
        "print(Letters().identity()['digest'], Letters().rows.keys[-1])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert told.stdout.split() == [letters.identity()["digest"], letters.rows.keys[-1].as_py()]


def test_a_pickle_holds_no_pixels(letters):
    assert len(letters.rows) > 0
    assert len(pickle.dumps(letters)) < 200


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    with pytest.raises(
        DataError, match=r"matplotlib, and that is not installed: pip install 'tripletmine\[letters\]'"
    ):
        Letters().identity()


def test_a_face_that_is_gone_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(faces, "font_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"DejaVuSans\.ttf is missing .* --force-reinstall matplotlib"):
        Letters().identity()
