"""Normalised mutual information of k-means clusters and classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import checked_classes
from .clustering import k_means
from .relevance import Classes

LARGEST = 20_000
"""Greatest number of classes to run k-means for; with more it would take longer than the training."""


@dataclass(frozen=True, slots=True)
class Nmi:
    """value: in [0, 1], or None if NMI was not computed; `left_out` then says why."""

    value: float | None
    left_out: str | None = None


def nmi(embeddings: NDArray[np.float32], classes: Classes, *, seed: int, starts: int = 1) -> Nmi:
    """NMI (arithmetic mean) of the classes and of k-means with as many clusters.

    Not computed if rows have several classes: NMI compares two partitions, and overlapping classes are none.

    embeddings: (N, D). classes: of N rows. seed, starts: see `k_means`.
    """
    row_classes = checked_classes(embeddings, classes, "clustered")
    if not row_classes.single:
        return Nmi(
            None, "left out: rows have several labels, so that the classes are no partition to compare with"
        )
    # Imported here: scikit-learn takes a second, and most epochs need it only once at the end.
    from sklearn.metrics import normalized_mutual_info_score

    clusters = len(np.unique(row_classes.members))
    if clusters > LARGEST:
        return Nmi(None, f"left out: {clusters} classes, above the limit of {LARGEST}")
    found = k_means(embeddings, clusters, seed=seed, starts=starts)
    return Nmi(float(normalized_mutual_info_score(row_classes.members, found)))
