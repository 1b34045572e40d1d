"""Image files of all kinds, intact and damaged, and what each must look like."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from .damage import cut, edited
from .png import BITS, CHANNELS, GREY, PALETTE, RGB, png, shown

Rgba = NDArray[np.uint8]
"""(height, width, 4)."""

SUFFIXES = (".png", ".apng", ".jpg", ".JPEG", ".jfif", ".bmp", ".gif", ".ppm", ".tif", ".TIFF", ".webp")
_NO_PICTURES = (
    *(b"", b"\0", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"P6\n", b"<svg/>"),
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 2 2\n%%EndComments\n",
)
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and what must become of it.

    shows: how it looks, upright; None if unknown. must: it is read as shown, refused, either of these, or ("end")
    anything but another kind of error. frames: 0 if unknown. tolerance: in grey levels.
    """

    content: bytes
    shows: Rgba | None
    must: Literal["read", "refused", "either", "end"] = "read"
    suffix: str = ".png"
    frames: int = 1
    tolerance: int = 0


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Any picture, two of three intact."""
    picture = draw(st.one_of(by_hand(), by_pillow(), by_pillow(), lossy(), animated(), deep()))
    match draw(st.sampled_from(["whole"] * 8 + ["cut", "edited", "other", "huge"])):
        case "cut":
            must = "refused" if picture.must == "refused" else "either"
            return replace(picture, content=draw(cut(picture.content)), must=must, frames=0)
        case "edited":
            return replace(picture, content=draw(edited(picture.content)), must="end", frames=0)
        case "other":
            content = draw(st.sampled_from(_NO_PICTURES))
            return replace(picture, content=content, must="refused")
        case "huge":
            return replace(picture, content=draw(huge()), must="refused")
    return replace(picture, suffix=draw(st.sampled_from(SUFFIXES)))  # the content decides, whatever the name


@st.composite
def samples(draw: st.DrawFn, channels: int, most: int = 255) -> NDArray[np.uint16]:
    """Numbers up to `most`, (height, width, channels), with sides from 1 to 9."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = random.integers(0, most + 1, (height, width, channels), dtype=np.uint16)
    few = random.choice([0, most, *random.integers(0, most + 1, 2)], values.shape)
    return few.astype(np.uint16) if draw(st.booleans()) else values


@st.composite
def by_hand(draw: st.DrawFn) -> Picture:
    """PNG: every depth and colour type, with and without transparency, interlaced or not, in any orientation."""
    kind = draw(st.sampled_from(list(CHANNELS)))
    bits = draw(st.sampled_from(BITS[kind]))
    most = 2**bits - 1
    palette, transparency = None, []
    if kind == PALETTE:
        colours = draw(st.integers(1, most + 1))
        palette = np.frombuffer(draw(st.binary(min_size=3 * colours, max_size=3 * colours)), np.uint8)
        palette = palette.reshape(colours, 3)
        most = colours - 1
        transparency = draw(st.lists(st.integers(0, 255), max_size=colours))
    values = draw(samples(CHANNELS[kind], most))
    if kind in (GREY, RGB) and draw(st.booleans()):
        transparency = draw(st.sampled_from(values.reshape(-1, CHANNELS[kind]).tolist()))
    orientation = draw(st.sampled_from([None, *range(10)]))
    interlaced = draw(st.booleans())
    content = png(
        values,
        bits=bits,
        kind=kind,
        palette=palette,
        transparency=transparency,
        exif=b"" if orientation is None else exif_of(orientation).removeprefix(b"Exif\0\0"),
        interlaced=interlaced,
    )
    if bits == 16:
        return Picture(content, None, "refused")
    rgba = shown(values, bits=bits, kind=kind, palette=palette, transparency=transparency)
    return Picture(content, turned(rgba, orientation))


@st.composite
def by_pillow(draw: st.DrawFn) -> Picture:
    """Lossless, in every format and mode whose values are known."""
    rgba = draw(samples(4)).astype(np.uint8)
    kind = draw(st.sampled_from(["BMP", "GIF", "PPM", "TIFF", "WEBP", "TGA"]))
    modes = {
        "BMP": ("1", "L", "P", "RGB", "RGBA"),
        "GIF": ("1", "L", "P"),
        "PPM": ("1", "L", "RGB"),
        "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"),
        "WEBP": ("RGB", "RGBA"),
        "TGA": ("1", "L", "LA", "P", "RGB", "RGBA"),
    }[kind]
    mode = draw(st.sampled_from(modes))
    image, shows = in_mode(rgba, mode)
    options: dict[str, Any] = {}
    orientation = None
    if kind == "BMP" and mode == "RGBA":  # with BITMAPINFOHEADER the fourth byte means nothing
        shows = shows | np.array([0, 0, 0, 255], np.uint8)
    if kind == "WEBP":
        options = {"lossless": True, "exact": True}
    if kind in ("WEBP", "TIFF") and draw(st.booleans()):
        orientation = draw(st.integers(1, 8))  # Pillow writes no others into a TIFF
        options["exif"] = exif_of(orientation)
    if kind == "TIFF":
        options["compression"] = draw(st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate", "packbits"]))
    if kind == "TGA" and mode != "1" and draw(st.booleans()):
        options["compression"] = "tga_rle"
    if kind == "GIF" and mode == "P" and draw(st.booleans()):
        options["transparency"] = draw(st.integers(0, 3))
        shows = np.where(
            (np.asarray(image) == options["transparency"])[..., None], shows & [255, 255, 255, 0], shows
        )
    shows = turned(shows.astype(np.uint8), orientation)
    return Picture(
        saved(image, kind, **options), shows, tolerance=mode == "YCbCr"
    )  # its luma is stored, not computed


@st.composite
def lossy(draw: st.DrawFn) -> Picture:
    """JPEG in grey, RGB and CMYK; WebP. They show what Pillow decodes, before any conversion."""
    rgba = draw(samples(4)).astype(np.uint8)
    kind = draw(st.sampled_from(["JPEG", "JPEG", "WEBP"]))
    mode = draw(st.sampled_from(["L", "RGB", "CMYK"] if kind == "JPEG" else ["RGB", "RGBA"]))
    options: dict[str, Any] = {"quality": draw(st.integers(1, 95))}
    orientation = draw(st.sampled_from([None, *range(10)]))
    if orientation is not None:
        options["exif"] = exif_of(orientation)
    if kind == "JPEG":
        options |= {"progressive": draw(st.booleans()), "subsampling": draw(st.integers(0, 2))}
    content = saved(in_mode(rgba, mode)[0], kind, **options)
    with Image.open(io.BytesIO(content)) as opened:
        shows = as_rgba(np.asarray(opened), opened.mode)
    return Picture(content, turned(shows, orientation))


@st.composite
def animated(draw: st.DrawFn) -> Picture:
    """GIF, WebP, APNG and TIFF of several frames or pages: the first one counts."""
    kind = draw(st.sampled_from(["GIF", "WEBP", "PNG", "TIFF"]))
    first = draw(samples(4)).astype(np.uint8)
    mode = "P" if kind == "GIF" else draw(st.sampled_from(["RGB", "RGBA"]))
    image, shows = in_mode(first, mode)
    others = [in_mode(np.roll(first, shift, axis=1) ^ np.uint8(shift), mode)[0] for shift in (1, 2)]
    options: dict[str, Any] = {"save_all": True, "append_images": others}
    if kind == "WEBP":
        options |= {"lossless": True, "exact": True}
    if kind == "GIF":
        options |= {"disposal": draw(st.integers(0, 3)), "optimize": False}
    content = saved(image, kind, **options)
    with Image.open(io.BytesIO(content)) as opened:
        frames = getattr(opened, "n_frames", 1)
    return Picture(content, shows, frames=frames)


@st.composite
def deep(draw: st.DrawFn) -> Picture:
    """More than 8 bits a channel in formats other than PNG."""
    kind, dtype = draw(
        st.sampled_from([("TIFF", np.uint16), ("TIFF", np.int32), ("TIFF", np.float32), ("PPM", np.uint16)])
    )
    values = draw(samples(1, 2**15))[..., 0]
    return Picture(saved(Image.fromarray(values.astype(dtype)), kind), None, "refused")


@st.composite
def huge(draw: st.DrawFn) -> bytes:
    """Files of a hundred bytes that claim billions of pixels."""
    side = draw(st.sampled_from([40_000, 2**20, 2**31 - 1]))
    if draw(st.booleans()):
        return png(np.zeros((1, 1, 3), np.uint16), bits=8, kind=RGB, size=(side, side))
    content = bytearray(saved(Image.new("RGB", (2, 2)), "BMP"))
    content[18:26] = np.array([side, side], "<i4").tobytes()
    return bytes(content)


def in_mode(rgba: Rgba, mode: str) -> tuple[Image.Image, Rgba]:
    """A picture of that mode, and what it shows."""
    grey = rgba[..., 0]
    match mode:
        case "1":
            return Image.fromarray(grey > 127), as_rgba(np.where(grey > 127, 255, 0), "L")
        case "L":
            return Image.fromarray(grey), as_rgba(grey, "L")
        case "LA":
            return Image.fromarray(np.ascontiguousarray(rgba[..., [0, 3]])), rgba[..., [0, 0, 0, 3]]
        case "P":
            palette = np.random.default_rng(int(grey.sum())).integers(0, 256, (4, 3), dtype=np.uint8)
            image = Image.new("P", grey.shape[::-1])
            image.putpalette(palette.tobytes())
            image.putdata((grey % 4).ravel().tolist())
            return image, as_rgba(palette[grey % 4], "RGB")
        case "RGBA":
            return Image.fromarray(rgba), rgba
    image = Image.fromarray(np.ascontiguousarray(rgba[..., :3])).convert(mode)
    return image, as_rgba(np.asarray(image), mode)


def as_rgba(values: NDArray[Any], mode: str) -> Rgba:
    """The values of a picture of one, three or four channels, in red, green, blue and alpha."""
    if mode == "RGBA":
        return values.astype(np.uint8)
    if mode == "CMYK":
        wide = values.astype(np.int64)
        light = 255 - wide[..., 3:]
        values = light - (wide[..., :3] * light * 2 + 255) // 510
    if mode == "YCbCr":
        values = np.asarray(Image.fromarray(values, "YCbCr").convert("RGB"))
    colours = np.broadcast_to(values.reshape(*values.shape[:2], -1), (*values.shape[:2], 3))
    return np.dstack([colours, np.full(values.shape[:2], 255)]).astype(np.uint8)


_TURNS: dict[int | None, Callable[[Rgba], Rgba]] = {
    2: lambda rgba: rgba[:, ::-1],
    3: lambda rgba: rgba[::-1, ::-1],
    4: lambda rgba: rgba[::-1],
    5: lambda rgba: rgba.swapaxes(0, 1),
    6: lambda rgba: np.rot90(rgba, -1),
    7: lambda rgba: rgba[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""Exif 2.3, tag 274. Numbers outside 1 to 8 mean nothing."""


def turned(rgba: Rgba, orientation: int | None) -> Rgba:
    """The picture turned upright."""
    return _TURNS.get(orientation, lambda rgba: rgba)(rgba)


def exif_of(orientation: int) -> bytes:
    """An Exif block with nothing but the orientation."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif.tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def laid_on(rgba: Rgba, background: tuple[int, int, int], colour: str) -> NDArray[np.uint8]:
    """The item: Porter and Duff's "over" on the background, rounded; for grey, the luma of that (ITU-R 601-2)."""
    alpha = rgba[..., 3:].astype(np.int64)
    over = alpha * rgba[..., :3] + (255 - alpha) * np.array(background)
    rgb = (2 * over + 255) // 510
    if colour == "rgb":
        return rgb.astype(np.uint8)
    return ((rgb @ [19595, 38470, 7471] + 2**15) >> 16).astype(np.uint8)


def item_of(
    picture: Picture, *, colour: str, background: tuple[int, int, int], size: tuple[int, int] | None
) -> NDArray[np.uint8] | None:
    """What a data set must make of it; None if it is unknown how the picture looks."""
    if picture.shows is None:
        return None
    pixels = laid_on(picture.shows, background, colour)
    if size is None or size == pixels.shape[:2]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR))
