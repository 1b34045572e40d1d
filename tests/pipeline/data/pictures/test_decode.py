"""Decoding of images, against NumPy on the arrays that were written."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageCms
from present import present
from tripletmine.pipeline.data.pictures.decode import Decoding, background_rgb, decode_image, frames_of
from tripletmine.pipeline.errors import DataError
from versions import rare_pictures_are_read

WHITE = (255, 255, 255)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(content: bytes, **decoding: object) -> np.ndarray:
    return decode_image(content, subject="p.png", decoding=Decoding(**decoding)).pixels  # type: ignore[arg-type]


def laid_on(rgb: np.ndarray, alpha: np.ndarray, background: tuple[int, ...] = WHITE) -> np.ndarray:
    """Porter and Duff's "over" on something opaque, in float64, rounded once."""
    share = alpha[..., None].astype(np.float64) / 255
    return np.floor(share * rgb + (1 - share) * np.array(background) + 0.5).astype(np.uint8)


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """ITU-R 601-2 luma."""
    return rgb.astype(np.float64) @ [0.299, 0.587, 0.114]


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)


@pytest.fixture
def alpha() -> np.ndarray:
    alpha = np.random.default_rng(1).integers(0, 256, (7, 9), dtype=np.uint8)
    alpha[0], alpha[1] = 0, 255
    return alpha


@pytest.mark.parametrize("background", [None, "black", "grey", "#c01030"])
@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_colours_with_alpha_lie_on_the_background(rgb, alpha, kind, options, background):
    content = encoded(Image.fromarray(np.dstack([rgb, alpha])), kind, **options)
    keys = {} if background is None else {"background": background}
    right = laid_on(rgb, alpha, background_rgb(background or "white"))
    np.testing.assert_array_equal(decoded(content, **keys), right)
    np.testing.assert_allclose(decoded(content, colour="grey", **keys), grey_of(right), atol=0.51)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("background", ["white", "#102030"])
def test_grey_with_alpha(rgb, alpha, kind, background):
    grey = rgb[..., 0]
    content = encoded(Image.fromarray(np.dstack([grey, alpha])), kind)
    right = laid_on(np.repeat(grey[..., None], 3, axis=2), alpha, background_rgb(background))
    np.testing.assert_array_equal(decoded(content, background=background), right)
    np.testing.assert_allclose(
        decoded(content, colour="grey", background=background), grey_of(right), atol=0.51
    )


def test_alpha_that_is_everywhere_255_changes_nothing(rgb):
    content = encoded(Image.fromarray(np.dstack([rgb, np.full_like(rgb[..., 0], 255)])), "PNG")
    image = decode_image(content, subject="p", decoding=Decoding(background="black"))
    np.testing.assert_array_equal(image.pixels, rgb)
    assert not image.transparent
    plain = encoded(Image.fromarray(rgb), "PNG")
    for colour in ("rgb", "grey"):
        np.testing.assert_array_equal(decoded(content, colour=colour), decoded(plain, colour=colour))


def test_alpha_comes_before_the_size():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[::2, :, 3] = 255  # black rows between rows that only look black without their alpha
    assert np.abs(decoded(encoded(Image.fromarray(pixels), "PNG"), size=(2, 2)).astype(int) - 128).max() <= 16


@pytest.mark.parametrize(
    ("kind", "transparency", "alphas"),
    [
        ("PNG", bytes([0, 128, 255]), [0, 128, 255]),
        ("PNG", bytes([255, 0]), [255, 0, 255]),
        ("PNG", 2, [255, 255, 0]),
        ("GIF", 1, [255, 0, 255]),
    ],
)
def test_palettes_with_transparency(kind, transparency, alphas):
    colours = np.array([[10, 20, 30], [200, 100, 0], [0, 255, 77]], np.uint8)
    picture = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), "L").convert("L")
    indices = np.asarray(picture)
    palette = Image.new("P", (3, 2))
    palette.putpalette(colours.tobytes())
    palette.putdata(indices.ravel().tolist())
    content = encoded(palette, kind, transparency=transparency)
    right = laid_on(colours[indices], np.array(alphas, np.uint8)[indices])
    np.testing.assert_array_equal(decoded(content), right)
    plain = encoded(palette, kind)
    np.testing.assert_array_equal(decoded(plain), colours[indices])


def png(pixels: np.ndarray, *, bits: int, colour_type: int, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG written by hand. pixels: (height, width * channels) samples of `bits` bits."""
    rows = [
        np.packbits(np.unpackbits(row[:, None].astype(">u2").view(np.uint8), axis=1)[:, 16 - bits :])
        for row in pixels
    ]
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    head = struct.pack(">IIBBBBB", pixels.shape[1] // channels, len(pixels), bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", head)]
    if transparent:
        chunks.append((b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("bits", [pytest.param(1, marks=rare_pictures_are_read), 2, 4, 8])
def test_one_transparent_grey(bits):
    most = 2**bits - 1
    samples = np.array([[0, most, most // 2 + 1, 0], [most, 0, most, most // 2]], np.uint16)
    alpha = np.where(samples == most, 0, 255).astype(np.uint8)
    grey = (samples.astype(int) * 255 // most).astype(np.uint8)
    content = png(samples, bits=bits, colour_type=0, transparent=(most,))
    right = laid_on(np.repeat(grey[..., None], 3, axis=2), alpha, (9, 8, 7))
    np.testing.assert_array_equal(decoded(content, background="#090807"), right)


def test_no_program_runs_what_a_picture_says(tmp_path, monkeypatch):
    """PostScript is a program, and Pillow gives it to Ghostscript, whatever the file is called."""
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\necho 10.0\ntouch {tmp_path}/ran\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    content = encoded(Image.new("RGB", (2, 2)), "EPS")
    with pytest.raises(DataError, match=r"image p\.png is PostScript, which is not read: convert it to PNG"):
        decoded(content)
    assert not (tmp_path / "ran").exists()


def test_one_transparent_colour():
    samples = np.array([[1, 2, 3, 1, 2, 4], [9, 9, 9, 1, 2, 3]], np.uint16)
    content = png(samples, bits=8, colour_type=2, transparent=(1, 2, 3))
    assert decoded(content).tolist() == [[[255] * 3, [1, 2, 4]], [[9] * 3, [255] * 3]]


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6], ids=["grey", "rgb", "grey+alpha", "rgb+alpha"])
def test_16_bits_in_png_are_refused(colour_type):
    content = png(np.full((3, 12), 0x12FF, np.uint16), bits=16, colour_type=colour_type)
    with pytest.raises(
        DataError, match=r"image p\.png has more than 8 bits per channel .*: convert it to 8 bits"
    ):
        decoded(content)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_tiff_is_refused(dtype):
    with pytest.raises(DataError, match=r"image p\.png has more than 8 bits per channel"):
        decoded(encoded(Image.fromarray(np.full((4, 4), 300, dtype)), "TIFF"))


@pytest.mark.parametrize("most", [255, 300, 65535])
def test_deep_ppm_is_scaled_or_refused(most):
    samples = np.array([[0, most, most // 3]], ">u2" if most > 255 else "u1")
    content = b"P6 1 1 %d\n" % most + samples.tobytes()
    right = np.array([0, 255, most // 3 * 255 / most])
    np.testing.assert_allclose(decoded(content)[0, 0], right, atol=0.51)
    grey = b"P5 3 1 %d\n" % most + samples.tobytes()
    if most == 255:
        assert decoded(grey, colour="grey").tolist() == [[0, 255, 85]]
    else:
        with pytest.raises(DataError, match="more than 8 bits"):
            decoded(grey)


def test_deep_jpeg_2000_is_refused(rgb):
    content = encoded(Image.fromarray(rgb), "JPEG2000", irreversible=False)
    np.testing.assert_array_equal(decoded(content), rgb)
    start = content.index(b"\xff\x4f\xff\x51") + 2 + 40
    deep = (
        content[:start] + bytes([11, content[start + 1]]) + content[start + 2 :]
    )  # 12 bits of the first component
    with pytest.raises(DataError, match="more than 8 bits"):
        decoded(deep)


def test_5_bits_a_channel_are_not_16():
    head = struct.pack("<IiiHHIIiiII", 40, 1, -1, 1, 16, 0, 4, 0, 0, 0, 0)
    content = b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + head + struct.pack("<HH", 0x7C1F, 0)
    assert decoded(content).tolist() == [[[255, 0, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF"])
def test_black_and_white(kind):
    bits = np.array([[True, False], [False, False]])
    assert decoded(encoded(Image.fromarray(bits), kind), colour="grey").tolist() == [[255, 0], [0, 0]]


@pytest.mark.parametrize(
    ("kind", "options", "near"), [("TIFF", {}, 1), ("JPEG", {"quality": 100, "subsampling": 0}, 8)]
)
def test_ink(kind, options, near):
    """JPEGs hold Adobe's inverted inks. (255 − c) (255 − k) / 255 is what Pillow shows of inks without a profile."""
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0]], [[0, 255, 0, 100], [10, 20, 30, 40]]], np.uint8)
    inks = inks.repeat(8, axis=0).repeat(8, axis=1)
    content = encoded(Image.fromarray(inks, "CMYK"), kind, **options)
    right = (255 - inks[..., :3].astype(float)) * (255 - inks[..., 3:].astype(float)) / 255
    np.testing.assert_allclose(decoded(content), right, atol=near)


@rare_pictures_are_read
def test_luma_and_chroma_in_tiff(rgb):
    smooth = np.linspace(0, 255, 64, dtype=np.uint8).reshape(8, 8, 1).repeat(3, axis=2)
    content = encoded(Image.fromarray(smooth).convert("YCbCr"), "TIFF")
    np.testing.assert_allclose(decoded(content), smooth, atol=1)


def test_lab_in_tiff(rgb):
    wide = ImageCms.profileToProfile(
        Image.fromarray(rgb // 2 + 64),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    content = encoded(present(wide), "TIFF")
    for colour, right in (("rgb", rgb // 2 + 64), ("grey", grey_of(rgb // 2 + 64))):
        np.testing.assert_allclose(decoded(content, colour=colour), right, atol=6)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_on_its_side_is_turned_upright(kind, orientation):
    quarters = np.array([[0, 80], [160, 250]], np.uint8)
    turns = {
        1: quarters,
        2: quarters[:, ::-1],
        3: quarters[::-1, ::-1],
        4: quarters[::-1],
        5: quarters.T,
        6: np.rot90(quarters, -1),
        7: quarters[::-1, ::-1].T,
        8: np.rot90(quarters),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = Image.fromarray(quarters.repeat(16, axis=0).repeat(8, axis=1)).convert("RGB")
    upright = decoded(encoded(large, kind, exif=exif), colour="grey")
    height, width = (16, 32) if orientation > 4 else (32, 16)
    assert upright.shape == (height, width)
    corners = upright[height // 4 :: height // 2, width // 4 :: width // 2]
    np.testing.assert_allclose(corners, turns[orientation], atol=6)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_several(kind):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert decoded(content)[0, 0].tolist() == [255, 0, 0]
    assert frames_of(content) == 3
    assert frames_of(encoded(frames[0], kind)) == 1


def test_what_is_no_picture_is_named():
    with pytest.raises(
        DataError, match=r"image p\.png cannot be decoded \(it is in no format .*\): replace it or leave"
    ):
        decoded(b"no picture")
