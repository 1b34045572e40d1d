"""A map of sampled training rows in two dimensions."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....mining.labels import Labels
from ...errors import UnavailableError
from ...standalone.triplet_folder import TripletSource
from ..content import ConfusedPair, SampleMap
from ..sampling import sample_of

Method = Literal["pca", "tsne"]

ROWS = 2000
"""Number of rows sampled from all classes, as a background cloud."""
ROWS_OF_A_CLASS = 24
CLASSES = 8
"""Number of coloured classes, taken from the most confused pairs."""


def map_sample(triplets: TripletSource, confused: Sequence[ConfusedPair], method: Method) -> SampleMap:
    """A sample of all rows, and more rows of the classes of the most confused pairs, with their centres.

    Raises: UnavailableError for t-SNE without scikit-learn; the errors of the embeddings.
    """
    labels = triplets.labels
    codes = _coloured(confused, labels)
    of_classes = [
        rows[:ROWS_OF_A_CLASS]
        for rows in (np.flatnonzero(_has_class(labels, code, triplets.excluded)) for code in codes)
    ]
    drawn = sample_of(len(labels), ROWS)
    if triplets.excluded is not None:
        drawn = drawn[~triplets.excluded[drawn]]
    rows = np.unique(np.concatenate([drawn, *of_classes])).astype(np.int64)
    vectors = triplets.some_vectors(rows)
    points, how = (pca if method == "pca" else _tsne)(vectors)
    groups = np.full(len(rows), -1, np.int64)
    for place, mine in enumerate(of_classes):
        groups[np.searchsorted(rows, mine)] = place
    centres = np.array([points[groups == place].mean(axis=0) for place in range(len(codes))]).reshape(-1, 2)
    names = tuple(str(labels.names[code]) for code in codes)
    return SampleMap(points, groups, names, centres, len(labels), how)


def _coloured(confused: Sequence[ConfusedPair], labels: Labels) -> list[int]:
    code_of = {str(name): code for code, name in enumerate(labels.names)}
    names = dict.fromkeys(name for pair in confused for name in (pair.label_a, pair.label_b))
    return [code_of[name] for name in list(names)[:CLASSES] if name in code_of]


def _has_class(labels: Labels, code: int, excluded: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    there = labels.members == code
    if labels.offsets is not None:
        there = np.logical_or.reduceat(there, labels.offsets[:-1])
    return there if excluded is None else there & ~excluded


def pca(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], str]:
    """float64 (N, 2): the first two principal components, by the smaller of covariance and Gram matrix; and the method
    in words."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    rows, width = centred.shape
    total = float((centred**2).sum())
    if width <= rows:
        values, axes = np.linalg.eigh(centred.T @ centred)
        points = centred @ axes[:, ::-1][:, :2]
    else:
        values, axes = np.linalg.eigh(centred @ centred.T)
        points = axes[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    share = float(np.maximum(values[::-1][:2], 0).sum()) / total if total else 0.0
    return points, f"principal components, which hold {share:.0%} of the variance"


def _tsne(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], str]:
    from ....models.tsne import tsne

    try:
        points = tsne(vectors, seed=0)
    except ImportError as error:
        raise UnavailableError(
            f"--map tsne needs scikit-learn ({error}): install tripletmine[train], or leave it out"
        ) from None
    return points, "t-SNE, which preserves neighbourhoods but not distances"
