"""Real images of many classes: the kanji of JIS level 1, each rendered in many fonts.

    python -m tests.benchmarks.glyphs --out glyphs                  # 16 fonts that differ clearly
    python -m tests.benchmarks.glyphs --out glyphs-all --all-fonts  # every font file of the packages below

Writes images.npy (uint8, N x 32 x 32) and rows.parquet (key, label, split), which a run file reads with
kind = "arrays", path = "glyphs/images.npy", labels = "glyphs/rows.parquet". Splits are by character: 1,900 for
training, 200 for validation, 865 for the test.

The fonts are Debian packages:  apt-get install --no-install-recommends $(python -m tests.benchmarks.glyphs --packages)
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts")

SIXTEEN = {
    "fonts-aoyagi-kouzan-t": "truetype/aoyagi-kouzan-t/AoyagiKouzanT.ttf",
    "fonts-dejima-mincho": "truetype/dejima-mincho/dejima-mincho-r227.ttf",
    "fonts-dotgothic16": "truetype/dotgothic16/DotGothic16-Regular.ttf",
    "fonts-hanazono": "truetype/hanazono/HanaMinA.ttf",
    "fonts-horai-umefont": "truetype/horai-umefont/ume-tgo4.ttf",
    "fonts-ipaexfont-mincho": "opentype/ipaexfont-mincho/ipaexm.ttf",
    "fonts-kiloji": "truetype/kiloji/kiloji.ttf",
    "fonts-kouzan-mouhitsu": "truetype/kouzan-mouhitsu/kouzan-mouhitsu.ttf",
    "fonts-lxgw-wenkai": "truetype/lxgw-wenkai/LXGWWenKai-Regular.ttf",
    "fonts-morisawa-bizud-gothic": "truetype/bizud-gothic/BIZUDGothic-Bold.ttf",
    "fonts-motoya-l-maruberi": "truetype/motoya-l-maruberi/MTLmr3m.ttf",
    "fonts-mplus": "opentype/mplus/Mplus1-Thin.otf",
    "fonts-oradano-mincho-gsrr": "truetype/oradano-mincho/OradanoGSRR.ttf",
    "fonts-reggae": "truetype/reggae/ReggaeOne-Regular.ttf",
    "fonts-seto": "truetype/seto/setofont.ttf",
    "fonts-yozvox-yozfont-standard-kana": "truetype/yozvox-yozfont/YOzBS_.ttf",
}
"""Package → the one file of it that is rendered: brush, hand, pixel, thin, heavy, round, gothic and mincho."""

SIZE = 32
_POINTS = 28
_SPLITS = {"train": 1900, "validation": 200, "test": 865}
_DIGEST = "4c4919282bef8bb0"
"""Digest of the images of the sixteen fonts, as rendered when the published figures were measured."""


def characters() -> list[str]:
    """The 2,965 kanji of JIS level 1: rows 16 to 47 of the code table, by way of EUC-JP."""
    found = []
    for row in range(16, 48):
        for cell in range(1, 95):
            try:
                found.append(bytes((row + 0xA0, cell + 0xA0)).decode("euc_jp"))
            except UnicodeDecodeError:
                continue  # row 47 is not full
    return found


def render(path: Path, texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Images (N, 32, 32), white on black and centred, and which characters the font really has."""
    font = ImageFont.truetype(str(path), _POINTS)
    missing = _image(font, "\U000fffff").tobytes()
    images = [_image(font, text) for text in texts]
    there = np.array([image.getbbox() is not None and image.tobytes() != missing for image in images])
    return np.stack([np.asarray(image) for image in images]), there


def _image(font: ImageFont.FreeTypeFont, text: str) -> Image.Image:
    image = Image.new("L", (SIZE, SIZE))
    left, top, right, bottom = font.getbbox(text)
    at = ((SIZE - right - left) / 2, (SIZE - bottom - top) / 2)
    ImageDraw.Draw(image).text(at, text, fill=255, font=font)
    return image


def splits(texts: list[str]) -> dict[str, str]:
    """Character → split, by a fixed seed."""
    order = np.random.default_rng(20170422).permutation(len(texts))
    names = np.repeat(list(_SPLITS), list(_SPLITS.values()))
    return {texts[place]: str(name) for place, name in zip(order, names, strict=True)}


def glyphs(files: list[Path]) -> tuple[NDArray[np.uint8], pa.Table]:
    """Images and rows of all characters in all fonts that have them."""
    texts = characters()
    split_of = splits(texts)
    images, keys, labels = [], [], []
    for path in files:
        try:
            rendered, there = render(path, texts)
        except OSError as error:
            print(f"{path.name} left out: FreeType cannot render it ({error})")
            continue
        if not there.any():
            continue
        images.append(rendered[there])
        present = [text for text, has in zip(texts, there.tolist(), strict=True) if has]
        keys += [f"{text} {path.stem}" for text in present]
        labels += present
    rows = pa.table({"key": keys, "label": labels, "split": [split_of[label] for label in labels]})
    return np.concatenate(images), rows


def font_files(*, every: bool) -> list[Path]:
    """The chosen files, or all in their folders."""
    chosen = [FONTS / name for name in SIXTEEN.values()]
    lost = [package for package, name in SIXTEEN.items() if not (FONTS / name).exists()]
    if lost:
        sys.exit(f"fonts are missing: apt-get install --no-install-recommends {' '.join(lost)}")
    if not every:
        return chosen
    beside = (path for folder in {path.parent for path in chosen} for path in folder.iterdir())
    return sorted(path for path in beside if path.suffix in (".ttf", ".otf"))


def main() -> None:
    """Write the data set."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path)
    options.add_argument("--all-fonts", action="store_true")
    options.add_argument("--packages", action="store_true", help="print the Debian packages, and end")
    arguments = options.parse_args()
    if arguments.packages or arguments.out is None:
        print(" ".join(SIXTEEN))
        return
    images, rows = glyphs(font_files(every=arguments.all_fonts))
    digest = hashlib.sha256(images.tobytes()).hexdigest()[:16]
    if not arguments.all_fonts and digest != _DIGEST:
        print(
            f"digest {digest} differs from {_DIGEST}: other fonts or another FreeType, so figures may differ"
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "images.npy", images)
    pq.write_table(rows, arguments.out / "rows.parquet")
    print(
        f"{len(images):,} images of {len(set(rows['label'].to_pylist())):,} characters in {arguments.out}, {digest}"
    )


if __name__ == "__main__":
    main()
