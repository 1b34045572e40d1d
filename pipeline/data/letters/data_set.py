"""Characters in the typefaces that come with matplotlib: some 31,000 images in 2,320 classes, no download."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ...storage.digest import digest_bytes
from ..base import Reopened, SourceRows, checked_indices, strings
from ..marks import FileLists
from .drawing import Drawn, draw_letters
from .faces import class_name


@dataclass(frozen=True)
class Letters(Reopened[Drawn]):
    """One class per character, with one image in each typeface that has it. Each process draws the images (2 s).

    Characters that look the same, such as Latin A, Greek alpha and Cyrillic A, are different classes: false negatives
    for guards and `suspects` to find.
    """

    def _open(self) -> Drawn:
        return draw_letters()

    @property
    def rows(self) -> SourceRows:
        """Keys are "U+0041/DejaVuSans", labels the names of the characters; no split, role or group."""
        names = {character: class_name(character) for character in set(self.content.characters)}
        glyphs = zip(self.content.characters, self.content.faces, strict=True)
        return SourceRows(
            keys=strings([f"U+{ord(character):04X}/{face}" for character, face in glyphs]),
            labels=strings([names[character] for character in self.content.characters]),
        )

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(24, 24)."""
        return self.content.images.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (B, 24, 24)."""
        return self.content.images[checked_indices(indices, len(self.content.images))]

    def file_lists(self) -> FileLists:
        """Empty: the data set has no files of the user."""
        return {}

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:  # noqa: ARG002 — there are none
        """Digest of all pixels: another version of FreeType or matplotlib only matters if it changes them."""
        return {"kind": "letters", "digest": digest_bytes(self.content.images.tobytes())}
