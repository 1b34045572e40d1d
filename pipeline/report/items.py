"""Display of rows: as small pictures, texts, or only their keys."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.base import DataSet
from ..data.files import in_threads
from ..data.open import open_data
from ..data.pictures.decode import Decoding, decode_image
from ..data.pictures.picture_set import PictureSet
from ..errors import DataError, PipelineError, UnavailableError
from ..standalone.triplet_export import names_of
from ..workers.opened import data_of, rows_of
from .source import Source

SIDE = 96
"""Maximum length in pixels of the longer side of a picture."""
_LOSSLESS_BELOW = 48
"""Pictures this small are stored lossless, since lossy compression would gain nothing."""
_QUALITY = 75


@dataclass(frozen=True, slots=True)
class Look:
    """How one row is shown. webp: its picture; None if it has none, or it cannot be read (`lost`). text: the text shown
    for the row, if it has one."""

    key: str
    webp: bytes | None = None
    text: str | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Looks:
    """of: row → how it is shown. kind: the data that the page contains: "pictures", "texts" or "keys". missing: (what,
    why) of data that cannot be shown."""

    of: Mapping[int, Look]
    kind: str
    missing: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Texts:
    """Tables with a text for each row of the data, as in `export_triplets`; None shows keys."""

    values: str | None = None
    corpus_values: str | None = None
    column: str = "text"


def looks_of(source: Source, rows: Sequence[int], *, images: bool, texts: Texts) -> Looks:
    """How the rows are shown; documents are numbered after the queries. Data that cannot be read are listed in
    `missing`.

    Raises: DataError and SpecError for texts that do not match the rows.
    """
    if texts.values is not None or texts.corpus_values is not None:
        anchors, others = names_of(source.triplets("mine"), texts.values, texts.corpus_values, texts.column)
        looks = {}
        for row in rows:
            names, at = (anchors, row) if row < len(anchors) else (others, row - len(anchors))
            looks[row] = Look(names.keys[at].as_py(), text=names.texts[at].as_py())
        return Looks(looks, "texts", ())
    keys = _keys(source, rows)
    if not images or source.status is None or len(source.status.facts.item_shape) < 2 or not rows:
        return Looks({row: Look(key) for row, key in keys.items()}, "keys", ())
    try:
        pictures = _pictures(source, rows, keys)
    except PipelineError as error:
        return Looks(
            {row: Look(key, lost=True) for row, key in keys.items()},
            "keys",
            [("Pictures", f"the data cannot be read: {error}")],
        )
    lost = [row for row, picture in pictures.items() if picture is None]
    missing = []
    if lost:
        missing.append(
            ("Pictures", f"{len(lost):,} of {len(rows):,} cannot be read, as that of {keys[lost[0]]}")
        )
    found = {row: Look(keys[row], webp=picture, lost=picture is None) for row, picture in pictures.items()}
    return Looks(found, "pictures" if len(lost) < len(rows) else "keys", missing)


def _keys(source: Source, rows: Sequence[int]) -> dict[int, str]:
    if not rows:
        return {}
    mined = source.triplets("mine")
    queries, documents = mined.keys, mined.keys_of("positive")
    named = {row: queries[row] if row < len(queries) else documents[row - len(queries)] for row in rows}
    return {row: str(key.as_py()) for row, key in named.items()}


def _pictures(source: Source, rows: Sequence[int], keys: Mapping[int, str]) -> dict[int, bytes | None]:
    status = source.status
    assert status is not None
    spec = status.spec
    data = open_data(spec.data, Path(spec.base))
    if isinstance(data, PictureSet):
        # Pictures are read by name, so changes to other files in the folder do not matter.
        colours = Decoding("rgb", None, spec.data.background)
        read = lambda row: _of_file(data, keys[row], colours)  # noqa: E731
        return dict(zip(rows, in_threads(read, rows), strict=True))
    data = data_of(source.path, spec, status.facts.data_digest)
    sources = rows_of(source.path, status.facts.data_digest).table["source"].to_numpy()
    return {row: _of_array(data, int(sources[row])) for row in rows}


def _of_file(data: PictureSet[Any], key: str, colours: Decoding) -> bytes | None:
    try:
        pixels = decode_image(data.files.content(key), subject=key, decoding=colours).pixels
    except DataError:
        return None
    return as_webp(pixels)


def _of_array(data: DataSet, index: int) -> bytes | None:
    try:
        return as_webp(data.read([index])[0])
    except DataError:
        return None


def is_small(webp: bytes) -> bool:
    """Whether a picture is so small that it is drawn with sharp pixels, not smoothed."""
    from PIL import Image

    with Image.open(io.BytesIO(webp)) as image:
        return max(image.size) <= _LOSSLESS_BELOW


def as_webp(pixels: NDArray[Any]) -> bytes:
    """A small picture of an item as WebP. pixels: uint8, or floats, scaled so that the least is black and the greatest
    white; (H, W), (H, W, 3), or another number of channels, of which the first is shown.

    Raises: UnavailableError without Pillow.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise UnavailableError(
            f"pictures need Pillow ({error}): install tripletmine[report], or leave them out with --no-images"
        ) from None
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = pixels[..., 0]
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        pixels = np.rint((pixels - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    small = max(image.size) <= _LOSSLESS_BELOW
    if not small:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=small, quality=_QUALITY, method=4)
    return buffer.getvalue()
