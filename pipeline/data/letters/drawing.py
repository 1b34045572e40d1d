"""Draw characters in typefaces."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .faces import FACES, FEWEST_FACES, characters_of, font_file

SIDE = 24
"""Height and width of the images, in pixels."""
_EM = 16
"""Font size in pixels. 17 of the 31,402 glyphs lose a row or column of pixels at the edge."""
_BASELINE = 17
"""Pixels from the top to the baseline, the same for all: if centred, an apostrophe would look like a comma."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """images: uint8 (N, 24, 24), white on black. characters, faces: of each image, by which images are sorted."""

    images: NDArray[np.uint8]
    characters: tuple[str, ...]
    faces: tuple[str, ...]


def draw_letters() -> Drawn:
    """Draw each character that at least FEWEST_FACES typefaces have, in each typeface that has it.

    The result depends only on matplotlib's font files and the version of FreeType, which comes with Pillow.
    Raises: DataError if matplotlib or one of its fonts is missing.
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
    """The characters that occur at least FEWEST_FACES times, once per typeface."""
    return frozenset(each for each, count in Counter(characters).items() if count >= FEWEST_FACES)


def _drawn_in(face: str, characters: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """Character → image, uint8 (24, 24). Blank characters, such as the object replacement character, are left out."""
    from PIL import Image, ImageDraw, ImageFont

    # The other engine, Raqm, is a system library that may be missing.
    font = ImageFont.truetype(str(font_file(face)), _EM, layout_engine=ImageFont.Layout.BASIC)
    images = {}
    for character in characters:
        image = Image.new("L", (SIDE, SIDE))
        ImageDraw.Draw(image).text((SIDE / 2, _BASELINE), character, fill=255, font=font, anchor="ms")
        if image.getbbox() is not None:
            images[character] = np.asarray(image)
    return images
