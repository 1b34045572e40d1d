"""Decode an image file with Pillow: upright, on an opaque background, with 1 or 3 channels and a given size."""

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError

if TYPE_CHECKING:
    from PIL import Image

Colour = Literal["grey", "rgb"]

RESAMPLING = "bilinear"
"""Pillow's filter for resizing, which antialiases: its support grows as the picture shrinks."""

_MODES = {"grey": "L", "rgb": "RGB"}
_READ = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
_DEEP_RAW = re.compile(r";16[BLN]$")
"""Pillow's raw modes with 16 bits per sample, of which it keeps the upper 8 ("BGR;16" is 5-6-5 bits per pixel)."""
_GREY_STEPS = {"L;2": 85, "L;4": 17}


@dataclass(frozen=True, slots=True)
class Decoding:
    """How image files are decoded.

    size: (height, width) to which the whole picture is resized, without cropping; None: not resized.
    background: colour behind transparent pixels, "white", "black", "grey" or "#rrggbb".
    """

    colour: Colour = "rgb"
    size: tuple[int, int] | None = None
    background: str = "white"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded image. pixels: uint8 (height, width) or (height, width, 3), of the first frame or page.

    transparent: whether some pixels had an alpha below 255.
    """

    pixels: NDArray[np.uint8]
    transparent: bool


def decode_image(content: bytes, *, subject: str, decoding: Decoding) -> Decoded:
    """Decode one image, rotated upright by its EXIF orientation.

    Raises: DataError naming `subject`, if it is not an image, is truncated, or has more than 8 bits per channel.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.format == "EPS":  # which Pillow would let Ghostscript execute
                raise DataError(f"image {subject} is PostScript, which is not read: convert it to PNG")
            _refuse_deep(image, content, subject)
            if image.mode not in _READ:
                raise DataError(
                    f"image {subject} has Pillow's mode {image.mode}, which is not read: convert it to RGB"
                )
            _scale_transparent_grey(image)
            upright = ImageOps.exif_transpose(image)
            opaque, transparent = _laid_on(upright, background_rgb(decoding.background))
            if opaque.mode == "LAB":
                opaque = opaque.convert("RGB")  # Pillow knows no other way out of Lab
            pixels = opaque.convert(_MODES[decoding.colour])
            size = decoding.size
            if size is not None and (pixels.height, pixels.width) != size:
                pixels = pixels.resize((size[1], size[0]), Image.Resampling[RESAMPLING.upper()])
    except DataError:
        raise
    except UnidentifiedImageError as error:  # its own message is only an address in memory
        raise DataError(
            f"image {subject} cannot be decoded (it is in no format that Pillow knows): replace it or leave it out"
        ) from error
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, their own …
        raise DataError(
            f"image {subject} cannot be decoded ({type(error).__name__}: {error}): replace it or leave it out"
        ) from error
    return Decoded(np.asarray(pixels, dtype=np.uint8), transparent)


def is_transparent(content: bytes) -> bool:
    """Whether an image file has pixels with an alpha below 255; False if it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.has_transparency_data and _laid_on(image, (0, 0, 0))[1]
    except Exception:  # decoding reports it
        return False


def frames_of(content: bytes) -> int:
    """Number of frames or pages of a decodable image file. Reads through the whole file."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return getattr(image, "n_frames", 1)
    except Exception:  # only later frames are damaged, which are not used
        return 1


def background_rgb(background: str) -> tuple[int, int, int]:
    """Red, green and blue, each in [0, 255], of "white", "black", "grey" or "#rrggbb"."""
    code = {"white": "#ffffff", "black": "#000000", "grey": "#808080"}.get(background, background)
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


def _laid_on(image: "Image.Image", background: tuple[int, int, int]) -> tuple["Image.Image", bool]:
    """The image on the background, and whether it had transparent pixels.

    A pixel becomes round((alpha · colour + (255 − alpha) · background) / 255).
    """
    from PIL import Image

    if not image.has_transparency_data:
        return image, False
    whole = image.convert("RGBA")
    alpha = whole.getchannel("A")
    least = alpha.getextrema()[0]
    canvas = Image.new("RGB", whole.size, background)
    canvas.paste(whole.convert("RGB"), mask=alpha)
    return canvas, least < 255  # type: ignore[operator]  # of one channel it is a pair of numbers


def _scale_transparent_grey(image: "Image.Image") -> None:
    """Scale the transparent value of PNGs with 2 or 4 grey bits: Pillow scales only their pixels to 0 … 255."""
    value = image.info.get("transparency")
    steps = _GREY_STEPS.get(next((_raw_mode(tile) for tile in image.tile), "")) if image.mode == "L" else None  # type: ignore[attr-defined]
    if image.format == "PNG" and steps is not None and isinstance(value, int):
        image.info["transparency"] = min(255, value * steps)


def _refuse_deep(image: "Image.Image", content: bytes, subject: str) -> None:
    """Refuse more than 8 bits per channel: Pillow would clip them, and only the user knows the range of values."""
    bits = _jpeg2000_bits(content) if image.format == "JPEG2000" else 8
    deep = (
        image.mode.startswith(("I", "F"))
        or bits > 8
        or any(
            tile[0] == "SGI16" or _DEEP_RAW.search(_raw_mode(tile))
            for tile in image.tile  # type: ignore[attr-defined]
        )
    )
    if deep:
        raise DataError(
            f"image {subject} has more than 8 bits per channel (Pillow's mode {image.mode}): convert it to 8 bits, "
            "with the range of values from black to white that you want"
        )


def _raw_mode(tile: tuple) -> str:
    """Pillow's raw mode, the layout of samples in the file: the decoder's only or first argument."""
    arguments = tile[3]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _jpeg2000_bits(content: bytes) -> int:
    """Largest number of bits of a component, from the SIZ segment (ISO 15444-1, A.5.1)."""
    start = content.find(b"\xff\x4f\xff\x51") + 2
    if start < 2:
        return 8
    components = int.from_bytes(content[start + 38 : start + 40], "big")
    return max((content[start + 40 + 3 * index] & 127) + 1 for index in range(components))
