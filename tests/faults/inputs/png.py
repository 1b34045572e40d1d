"""PNG files written by hand, with all that the format allows, and what they show."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
BITS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGB_ALPHA: (8, 16)}

Samples = NDArray[np.uint16]
"""(height, width, channels)."""

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column, and steps, of each pass (PNG 1.2, 2.6)."""


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk, with its length before and its checksum after it."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    samples: Samples,
    *,
    bits: int,
    kind: int,
    palette: NDArray[np.uint8] | None = None,
    transparency: Sequence[int] = (),
    exif: bytes = b"",
    interlaced: bool = False,
    size: tuple[int, int] | None = None,
) -> bytes:
    """A picture of colour type `kind`.

    palette: (colours, 3). transparency: for a palette one alpha for each colour, otherwise the transparent sample or
    three samples. size: a false (height, width) for the header.
    """
    height, width = size or samples.shape[:2]
    chunks = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced))]
    if exif:
        chunks.append(chunk(b"eXIf", exif))
    if palette is not None:
        chunks.append(chunk(b"PLTE", palette.tobytes()))
    if transparency:
        form = f"{len(transparency)}B" if kind == PALETTE else f">{len(transparency)}H"
        chunks.append(chunk(b"tRNS", struct.pack(form, *transparency)))
    passes = [samples[row::down, column::right] for row, column, down, right in _ADAM7]
    lines = b"".join(_lines(part, bits) for part in (passes if interlaced else [samples]))
    chunks += [chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _lines(samples: Samples, bits: int) -> bytes:
    if not samples.size:
        return b""
    rows = samples.reshape(len(samples), -1)
    as_bits = np.unpackbits(rows[..., None].astype(">u2").view(np.uint8), axis=2)[:, :, 16 - bits :]
    packed = np.packbits(as_bits.reshape(len(rows), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def shown(
    samples: Samples,
    *,
    bits: int,
    kind: int,
    palette: NDArray[np.uint8] | None = None,
    transparency: Sequence[int] = (),
) -> NDArray[np.uint8]:
    """Red, green, blue and alpha, (height, width, 4), of a picture with at most 8 bits a channel."""
    alpha = np.full(samples.shape[:2], 255, np.uint8)
    if kind == PALETTE:
        assert palette is not None
        alphas = np.array([*transparency, *[255] * (len(palette) - len(transparency))], np.uint8)
        return np.dstack([palette[samples[..., 0]], alphas[samples[..., 0]]])
    values = (samples.astype(np.int64) * 255 // (2**bits - 1)).astype(np.uint8)
    if transparency:
        alpha[(samples == np.array(transparency)).all(axis=2)] = 0
    if kind in (GREY_ALPHA, RGB_ALPHA):
        values, alpha = values[..., :-1], values[..., -1]
    return np.dstack([np.broadcast_to(values, (*samples.shape[:2], 3)), alpha])
