"""Clusters of embeddings, and how well they match the classes (FaceNet, arXiv 1503.03832, section 5.8)."""

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count, check_number
from ..errors import ModelError

# scikit-learn and SciPy's clustering are imported in the functions: it takes a second, and most epochs don't need them.


def agglomerative(embeddings: NDArray[np.float32], *, threshold_sq: float) -> NDArray[np.int64]:
    """int64 (N,), clusters of rows (N, D): the two nearest are joined as long as they are at most `threshold_sq` apart.

    The distance of two clusters is the mean of the squared distances between their rows (average linkage).
    Deterministic. Takes `agglomerative_bytes` of memory and O(N²) time.

    Raises: ModelError for a threshold that is negative or no number.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    check_number("threshold", threshold_sq, at_least=0.0)
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.int64)
    distances = pdist(embeddings.astype(np.float64), "sqeuclidean")
    tree = linkage(distances, method="average")
    return _in_order(fcluster(tree, threshold_sq, criterion="distance"))


def agglomerative_bytes(rows: int, width: int) -> int:
    """Memory in bytes that `agglomerative` allocates: all distances twice, as float64, since SciPy works on a copy."""
    return 8 * rows * (rows - 1) + 8 * rows * width


def k_means(
    embeddings: NDArray[np.float32], clusters: int, *, seed: int, starts: int = 1
) -> NDArray[np.int64]:
    """int64 (N,), clusters by k-means: `clusters` of them, or one per distinct row if there are fewer.

    starts: runs of k-means, of which the one with the lowest inertia is kept. Uses one thread, since with several the
    order of additions, and so the clusters, could differ from run to run.

    Raises: ModelError for more clusters than rows.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    check_count("clusters", clusters)
    if clusters > len(embeddings):
        raise ModelError(
            f"clusters is {clusters} but there are {len(embeddings)} rows: lower it to at most {len(embeddings)}"
        )
    with threadpool_limits(limits=1):
        distinct = len(np.unique(embeddings, axis=0))
        # The type checker infers a string from n_init's default; an int is documented.
        clustering = KMeans(
            min(clusters, distinct),
            n_init=starts,  # pyright: ignore[reportArgumentType]
            random_state=seed,
        )
        found = clustering.fit_predict(embeddings)
    return _in_order(found)


def cluster_figures(clusters: NDArray[np.int64], classes: NDArray[np.int32]) -> dict[str, float]:
    """How well clusters (N,) match classes (N,): precision, recall, f, nmi, purity.

    precision: share of the pairs of rows in one cluster that are of one class. recall: share of the pairs of one class
    that are in one cluster. f: their harmonic mean. A share of no pairs is 1. nmi: normalised mutual information, by
    the arithmetic mean of the entropies. purity: share of the rows whose class is the most frequent in their cluster
    (Manning et al., Introduction to Information Retrieval, 2008, section 16.3).
    """
    from sklearn.metrics import normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    # Sparse: with 100,000 classes and as many clusters, almost all cells are empty.
    table = contingency_matrix(classes, clusters, sparse=True, dtype=np.int64)
    together = _pairs(np.asarray(table.data, np.int64))
    of_clusters, of_classes = (_pairs(np.bincount(codes)) for codes in (clusters, classes))
    precision = together / of_clusters if of_clusters else 1.0
    recall = together / of_classes if of_classes else 1.0
    return {
        "precision": precision,
        "recall": recall,
        "f": 2 * precision * recall / (precision + recall) if together else 0.0,
        "nmi": float(normalized_mutual_info_score(classes, clusters)),
        "purity": float(table.max(axis=0).sum() / len(clusters)),
    }


def _pairs(counts: NDArray[np.int64]) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _in_order(clusters: NDArray[np.integer]) -> NDArray[np.int64]:
    """The clusters, renumbered from 0 in the order of their first rows."""
    _, first, place = np.unique(clusters, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.int64)
