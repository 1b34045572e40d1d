"""Characters drawn in type faces: the images, and what each of them shows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .faces import FACES, FEWEST_FACES, characters_of, font_file

SIDE = 24
"""Pixels, of images that are square."""
_EM = 16
"""Pixels. Of the 31,402 glyphs 17 lose a row or column of pixels at the edge."""
_BASELINE = 17
"""Pixels from the top. All stand on one line: centred, an apostrophe would be a comma."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """images: uint8 (N, 24, 24), white on black. characters, faces: of each image, sorted by them."""

    images: NDArray[np.uint8]
    characters: tuple[str, ...]
    faces: tuple[str, ...]


def draw_letters() -> Drawn:
    """Each character that at least FEWEST_FACES of the faces draw, in each face that draws it.

    Depends on the versions of matplotlib's files and of FreeType, which comes with Pillow, and on nothing else.
    Raises: DataError where matplotlib or a file of it is missing.
    """
    characters = {face: characters_of(face) for face in FACES}
    common = _common(chain.from_iterable(characters.values()))
    glyphs = {
        (character, face): image
        for face in FACES
        for character, image in _drawn_in(face, characters[face] & common).items()
    }
    common = _common(character for character, _ in glyphs)
    shown = sorted(glyph for glyph in glyphs if glyph[0] in common)
    return Drawn(
        np.stack([glyphs[glyph] for glyph in shown]),
        tuple(character for character, _ in shown),
        tuple(face for _, face in shown),
    )


def _common(characters: Iterable[str]) -> frozenset[str]:
    """Those that occur once for each of FEWEST_FACES faces, or of more."""
    return frozenset(each for each, count in Counter(characters).items() if count >= FEWEST_FACES)


def _drawn_in(face: str, characters: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """Character → uint8 (24, 24). What leaves no ink, as the object replacement character, is no image."""
    from PIL import Image, ImageDraw, ImageFont

    # Raqm, the other engine, is a library of the system, and there or not.
    font = ImageFont.truetype(str(font_file(face)), _EM, layout_engine=ImageFont.Layout.BASIC)
    images = {}
    for character in characters:
        image = Image.new("L", (SIDE, SIDE))
        ImageDraw.Draw(image).text((SIDE / 2, _BASELINE), character, fill=255, font=font, anchor="ms")
        if image.getbbox() is not None:
            images[character] = np.asarray(image)
    return images
