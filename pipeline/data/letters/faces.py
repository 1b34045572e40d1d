"""The type faces that come with matplotlib, and the characters that each of them has."""

import unicodedata
from importlib.util import find_spec
from pathlib import Path

from ...errors import DataError

FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)
"""File names. The others there hold few characters, or glyphs under codes of other characters, as Computer Modern does,
or draw one placeholder for whole scripts (LastResort)."""

FEWEST_FACES = 12
"""A character is a class where at least so many faces have it."""

_DRAWN = frozenset("LNPS")
"""First letters of the general categories (Unicode, section 4.5) that leave ink of their own: letters, numbers,
punctuation, symbols; not marks, which stand on another character, nor separators, controls and private codes."""


def font_folder() -> Path:
    """matplotlib's folder of TrueType files; matplotlib itself is not imported, which would take a second.

    Raises: DataError where it is not installed.
    """
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise DataError(
            'data.kind is "letters", which is drawn with the type faces of matplotlib, and that is not installed: '
            "pip install 'tripletmine[letters]'"
        )
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


def font_file(face: str) -> Path:
    """The TrueType file of a face. Raises: DataError where matplotlib does not have it."""
    path = font_folder() / f"{face}.ttf"
    if not path.is_file():
        raise DataError(
            f'data.kind is "letters", but {path} is missing from the installed matplotlib: '
            "pip install --force-reinstall matplotlib"
        )
    return path


def characters_of(face: str) -> frozenset[str]:
    """The characters that a face has a glyph of its own for, and not the box that stands for missing ones."""
    from fontTools.ttLib import TTFont

    with TTFont(font_file(face), lazy=True) as font:
        codes = font.getBestCmap() or {}
    named = {chr(code) for code, glyph in codes.items() if glyph != ".notdef"}
    return frozenset(each for each in named if unicodedata.category(each)[0] in _DRAWN)


def class_name(character: str) -> str:
    """What people call a character, and itself: `Latin capital A with grave (À)`, `Digit one (1)`.

    The name is Unicode's; unassigned codes have none, and no face is asked for them.
    """
    capital = "CAPITAL" in unicodedata.name(character)
    words = [word for word in unicodedata.name(character).split() if word != "LETTER"]
    told = [word if len(word) == 1 and capital else word.lower() for word in words]
    return f"{told[0].capitalize()} {' '.join(told[1:])}".strip() + f" ({character})"
