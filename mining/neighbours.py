"""The neighbour table: the contract between search and mining."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_ROW = -1
"""Pad for the ids of rows with fewer than K neighbours."""


@dataclass(frozen=True, slots=True)
class NeighbourTable:
    """The K nearest rows of each query, nearest first.

    ids: int64 (N, K), rows of the searched set; padded with ``NO_ROW`` at the end of a line.
    sq_distances: float32 (N, K), squared Euclidean, ascending; ``inf`` where the id is ``NO_ROW``.

    A row is never its own neighbour. Equal distances are ordered by id.
    """

    ids: NDArray[np.int64]
    sq_distances: NDArray[np.float32]

    @property
    def neighbours(self) -> int:
        """K, the width of the table."""
        return self.ids.shape[1]

    def __len__(self) -> int:
        return self.ids.shape[0]
