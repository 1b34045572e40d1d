"""Check pictures before a run: which cannot be decoded, and which look different in a viewer."""

from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ..base import one_by_one
from ..files import in_threads
from .decode import frames_of, is_transparent
from .picture_set import PictureSet

SAMPLE = 256
"""Number of pictures that are examined by default, evenly spaced over the rows."""

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Examined:
    """Counts of pictures. read: examined ones. unreadable: errors of those that a run would refuse.

    first_transparent: name of the first one with transparent pixels, or None. animated: those with several frames.
    """

    pictures: int
    read: int
    unreadable: tuple[str, ...]
    transparent: int
    first_transparent: str | None
    animated: int

    def refuse_unreadable(self) -> None:
        """Raises: DataError that counts the unreadable ones and names the first."""
        if self.unreadable:
            more = len(self.unreadable) - _NAMED
            raise DataError(
                f"{len(self.unreadable):,} of the {self.read:,} pictures that were tried cannot be read: "
                + "; ".join(self.unreadable[:_NAMED])
                + (f"; and {more:,} more" if more > 0 else "")
            )


def examine(data: PictureSet, sample: int | None = SAMPLE) -> Examined:
    """Decode `sample` pictures; None: all. Raises: DataError if the shape of the items cannot be determined."""
    rows = len(data.rows)
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, sample or rows)).round().astype(np.int64))
    names = data.rows.keys.take(chosen).to_pylist()
    data.files.item_shape  # noqa: B018  # cached once, instead of in each thread

    def look(name: str) -> tuple[str | None, bool, bool]:
        try:
            content = data.files.content(name)
            decoded = data.files.fitting(name, content)
        except DataError as error:
            return str(error), False, False
        return None, decoded.transparent, frames_of(content) > 1

    looked = list(in_threads(look, names))
    transparent = [name for name, (_, is_transparent, _) in zip(names, looked, strict=True) if is_transparent]
    return Examined(
        pictures=rows,
        read=len(names),
        unreadable=tuple(error for error, _, _ in looked if error is not None),
        transparent=len(transparent),
        first_transparent=next(iter(transparent), None),
        animated=sum(animated for _, _, animated in looked),
    )


def transparent_pictures(data: PictureSet) -> list[str]:
    """Names of all pictures with transparent pixels. Decodes only those whose header allows transparency."""
    names = data.rows.keys
    found = in_threads(lambda name: is_transparent(data.files.content(name)), one_by_one(names))
    return [name for name, transparent in zip(one_by_one(names), found, strict=True) if transparent]
