"""Weights of typefaces: which of two fonts of a family is bolder. An item is a font, and its rows are letters."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..emoji import drawn
from ..glyphs import FONTS
from .kept import Sections

DESIGNS = {
    "cabin": "fonts-cabin",
    "cantarell": "fonts-cantarell",
    "comfortaa": "fonts-comfortaa",
    "dosis": "fonts-dosis",
    "firacode": "fonts-firacode",
    "inter": "fonts-inter",
    "jetbrains-mono": "fonts-jetbrains-mono",
    "jura": "fonts-jura",
    "karla": "fonts-karla",
    "lato": "fonts-lato",
    "league-spartan": "fonts-league-spartan",
    "lemonada": "fonts-lemonada",
    "manrope": "fonts-manrope",
    "mplus": "fonts-mplus",
    "open-sans": "fonts-open-sans",
    "roboto": "fonts-roboto-unhinted fonts-roboto-slab",
    "sora": "fonts-sora",
    "vollkorn": "fonts-vollkorn",
    "yanone-kaffeesatz": "fonts-yanone-kaffeesatz",
}
"""Debian packages by design; folders of fonts are found by its name. Families of one design are in one split."""
TEST = ("cantarell", "dosis", "jura", "lato", "league-spartan", "roboto", "vollkorn")
VALIDATION = ("cabin", "karla", "lemonada", "open-sans")
LETTERS = "AEHRaegn"
SIZE = 32
POINTS = range(13, 27)
"""Sizes, drawn for each font, so that the thickness of strokes in pixels says little about the weight."""
BRIGHTNESS = 0.4, 1.0
"""Brightness, drawn for each picture from this range, so that the sum of pixels says little, too."""
JUDGED = 0.3
"""Share of the pairs of the training families that the run knows."""
FEWEST = 3
"""The least number of weights in a family."""


@dataclass(frozen=True, slots=True)
class Font:
    """One file. weight: its class in the font's own table, 1 to 1000."""

    path: Path
    design: str
    family: str
    weight: int
    italic: bool

    @property
    def name(self) -> str:
        """What the item is called."""
        return f"{self.family} {self.path.stem}"


def fonts() -> list[Font]:
    """The fonts of all families that have enough weights and every letter."""
    found = [font for design in DESIGNS for path in _files(design) if (font := _read(path, design))]
    weights: dict[str, set[int]] = {}
    for font in found:
        weights.setdefault(font.family, set()).add(font.weight)
    return [font for font in found if len(weights[font.family]) >= FEWEST]


def _files(design: str) -> list[Path]:
    folders = [folder for kind in ("truetype", "opentype") for folder in (FONTS / kind).glob(f"*{design}*")]
    files = sorted(file for folder in folders for file in folder.rglob("*.[to]tf"))
    if not files:
        sys.exit(f"fonts are missing: apt-get install --no-install-recommends {' '.join(DESIGNS.values())}")
    return files


def _read(path: Path, design: str) -> Font | None:
    """The font of a file; None for variable fonts, condensed ones, and those that lack a letter."""
    with TTFont(path, lazy=True) as font:
        names, style = cast("Any", font["name"]), cast("Any", font["OS/2"])
        family = names.getDebugName(16) or names.getDebugName(1)
        kind = (names.getDebugName(17) or names.getDebugName(2) or "").lower()
        letters = font.getBestCmap() or {}
        if "fvar" in font or "cond" in kind or not all(ord(letter) in letters for letter in LETTERS):
            return None
        return Font(path, design, family, style.usWeightClass, bool(style.fsSelection & 1) or "ital" in kind)


def pairs(items: list[Font], *, wrong: float) -> Iterator[tuple[str, str, str]]:
    """Of two fonts of a family the heavier is better; those of one weight, such as an italic, are alike.

    wrong: share of the "better" pairs of the training families that are reversed.
    """
    generator = np.random.default_rng(0)
    for one, other in combinations(items, 2):
        if one.family != other.family:
            continue
        told, turned = generator.random(2)
        training = _split(one) == "train"
        if training and told >= JUDGED:
            continue
        turn = training and turned < wrong
        better, worse = (one, other) if (one.weight > other.weight) != turn else (other, one)
        yield better.name, worse.name, "like" if one.weight == other.weight else "better"


def write(folder: Path, *, wrong: float = 0.0) -> Sections:
    """Draw the letters unless that is done, and return [data]. wrong: see `pairs`."""
    if not (folder / "values.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        items = fonts()
        np.save(folder / "images.npy", np.concatenate([_images(font) for font in items]))
        rows = [
            (f"{letter} {each.name}", each.name, _split(each), each.family)
            for each in items
            for letter in LETTERS
        ]
        columns = zip(("key", "label", "split", "group"), zip(*rows, strict=True), strict=True)
        pq.write_table(pa.table(dict(columns)), folder / "rows.parquet")
        _write_csv(folder / "pairs.csv", ("first", "second", "relation"), list(pairs(items, wrong=wrong)))
        _write_csv(folder / "values.csv", ("item", "value"), [(each.name, each.weight) for each in items])
    files = {"path": "images.npy", "labels": "rows.parquet", "pairs": "pairs.csv", "values": "values.csv"}
    paths = {key: str(folder / name) for key, name in files.items()}
    return {"data": {"kind": "arrays", "hash_content": True, **paths}}


def _split(font: Font) -> str:
    return "test" if font.design in TEST else "validation" if font.design in VALIDATION else "train"


def _write_csv(path: Path, names: tuple[str, ...], lines: list[tuple[Any, ...]]) -> None:
    pyarrow.csv.write_csv(pa.table(dict(zip(names, zip(*lines, strict=True), strict=True))), str(path))


def _images(font: Font) -> NDArray[np.uint8]:
    """uint8 (letters, 32, 32), on black and in the middle, all of one size."""
    generator = np.random.default_rng(drawn(font.name, 2**32))
    face = ImageFont.truetype(str(font.path), int(generator.choice(POINTS)))
    return np.array([_image(face, letter, int(255 * generator.uniform(*BRIGHTNESS))) for letter in LETTERS])


def _image(face: ImageFont.FreeTypeFont, letter: str, brightness: int) -> NDArray[np.uint8]:
    image = Image.new("L", (SIZE, SIZE))
    left, top, right, bottom = face.getbbox(letter)
    at = ((SIZE - right - left) / 2, (SIZE - bottom - top) / 2)
    ImageDraw.Draw(image).text(at, letter, fill=brightness, font=face)
    return np.asarray(image)
