"""The digits that come with scikit-learn: 1,797 grey images of 8 × 8 pixels in 10 classes, no download."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ..storage.digest import digest_bytes
from .base import Reopened, SourceRows, checked_indices, strings
from .marks import FileLists

_STEPS = 16
"""Largest pixel value in scikit-learn, where a pixel counts the dark dots of a 4 × 4 bitmap: 0 to 16."""


@dataclass(frozen=True)
class Digits(Reopened[tuple[NDArray[np.uint8], NDArray[np.int64]]]):
    """Handwritten digits (the test part of UCI's "Optical Recognition …"), scaled to 0 … 255."""

    def _open(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from sklearn.datasets import load_digits

        pixels, classes = load_digits(return_X_y=True)
        images = np.rint(pixels * (255 / _STEPS)).astype(np.uint8).reshape(-1, 8, 8)
        return images, np.asarray(classes, dtype=np.int64)

    @property
    def rows(self) -> SourceRows:
        """Keys are "digits/0000" onwards; no split, role or group."""
        _, classes = self.content
        return SourceRows(
            keys=strings([f"digits/{index:04d}" for index in range(len(classes))]),
            labels=strings([str(label) for label in classes]),
        )

    @property
    def item_shape(self) -> tuple[int, ...]:
        """(8, 8)."""
        return self.content[0].shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (B, 8, 8)."""
        images, _ = self.content
        return images[checked_indices(indices, len(images))]

    def file_lists(self) -> FileLists:
        """Empty: the data set has no files of the user."""
        return {}

    def identity(self, marks: pa.Table | None = None) -> dict[str, Any]:  # noqa: ARG002 — there are none
        """Digest of pixels and classes."""
        images, classes = self.content
        return {"kind": "digits", "digest": digest_bytes(images.tobytes() + classes.tobytes())}
