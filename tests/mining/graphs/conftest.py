"""The oracle of neighbour search, and vectors to search."""

from collections.abc import Callable

import numpy as np
import pytest
from tripletmine.mining.neighbours import NO_ROW, NeighbourTable

Oracle = Callable[..., NeighbourTable]


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """Neighbours by (distance, id), by three plain loops over float64."""

    def search(vectors, neighbours, *, queries=None, query_ids=None, first_id=0) -> NeighbourTable:
        queries = vectors if queries is None else queries
        query_ids = np.arange(len(queries)) + first_id if query_ids is None else query_ids
        ids = np.full((len(queries), neighbours), NO_ROW, np.int64)
        sq_distances = np.full((len(queries), neighbours), np.inf, np.float32)
        for q, (query, own) in enumerate(zip(queries.astype(np.float64), query_ids, strict=True)):
            found = []
            for row, vector in enumerate(vectors.astype(np.float64)):
                if row + first_id != own:
                    found.append(
                        (sum((a - b) ** 2 for a, b in zip(query, vector, strict=True)), row + first_id)
                    )
            for rank, (sq, candidate) in enumerate(sorted(found)[:neighbours]):
                ids[q, rank] = candidate
                sq_distances[q, rank] = sq
        return NeighbourTable(ids, sq_distances)

    return search


@pytest.fixture(scope="session")
def grid() -> np.ndarray:
    """float32 (150, 5) of small whole numbers: every distance is exact in float32, many are equal, some are 0."""
    return np.random.default_rng(7).integers(0, 3, (150, 5)).astype(np.float32)


@pytest.fixture(scope="session")
def clustered() -> np.ndarray:
    """float32 (3000, 16) unit vectors in 60 loose clusters, as from an encoder after a little training."""
    rng = np.random.default_rng(11)
    centres = rng.standard_normal((60, 16))
    x = centres[rng.integers(0, 60, 3000)] + 0.6 * rng.standard_normal((3000, 16))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def clustered_exact(clustered: np.ndarray) -> NeighbourTable:
    """The 20 nearest rows of each row of ``clustered``, by sorting whole rows of float64 distances."""
    x = clustered.astype(np.float64)
    sq = np.stack([np.square(x - row).sum(axis=1) for row in x])
    np.fill_diagonal(sq, np.inf)
    ids = np.argsort(sq, axis=1, kind="stable")[:, :20]
    return NeighbourTable(ids.astype(np.int64), np.take_along_axis(sq, ids, axis=1).astype(np.float32))
