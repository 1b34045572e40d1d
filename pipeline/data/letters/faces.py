"""The typefaces that come with matplotlib, and the characters of each."""

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
"""File names. matplotlib's other fonts have few characters, or glyphs under codes of other characters (Computer
Modern), or one placeholder for whole scripts (LastResort)."""

FEWEST_FACES = 12
"""A character is a class if at least this many typefaces have it."""

_DRAWN = frozenset("LNPS")
"""First letters of the general categories (Unicode, section 4.5) with visible characters: letters, numbers,
punctuation, symbols; not marks, which combine with another character, separators, controls and private codes."""


def font_folder() -> Path:
    """matplotlib's folder of TrueType files, found without importing matplotlib, which would take a second.

    Raises: DataError if it is not installed.
    """
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise DataError(
            'data.kind is "letters", which is drawn with the typefaces of matplotlib, and that is not installed: '
            "pip install 'tripletmine[letters]'"
        )
    return Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"


def font_file(face: str) -> Path:
    """The TrueType file of a typeface. Raises: DataError if matplotlib does not have it."""
    path = font_folder() / f"{face}.ttf"
    if not path.is_file():
        raise DataError(
            f'data.kind is "letters", but {path} is missing from the installed matplotlib: '
            "pip install --force-reinstall matplotlib"
        )
    return path


def characters_of(face: str) -> frozenset[str]:
    """The visible characters for which a typeface has a glyph, other than the box for missing ones."""
    from fontTools.ttLib import TTFont

    with TTFont(font_file(face), lazy=True) as font:
        codes = font.getBestCmap() or {}
    named = {chr(code) for code, glyph in codes.items() if glyph != ".notdef"}
    return frozenset(each for each in named if unicodedata.category(each)[0] in _DRAWN)


def class_name(character: str) -> str:
    """The Unicode name of an assigned character, and itself: `Latin capital A with grave (À)`, `Digit one (1)`."""
    capital = "CAPITAL" in unicodedata.name(character)
    words = [word for word in unicodedata.name(character).split() if word != "LETTER"]
    told = [word if len(word) == 1 and capital else word.lower() for word in words]
    return f"{told[0].capitalize()} {' '.join(told[1:])}".strip() + f" ({character})"
