"""Clusters against a slow agglomeration and scikit-learn, figures against loops over pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import normalized_mutual_info_score
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.clustering import agglomerative, cluster_figures, k_means


def slow_agglomerative(x, threshold):
    """Join the two clusters with the least mean squared distance, as long as that is not above the threshold."""
    squares = ((x[:, None].astype(float) - x[None]) ** 2).sum(axis=2)
    clusters = [[row] for row in range(len(x))]
    while len(clusters) > 1:
        apart, a, b = min(
            (squares[np.ix_(one, other)].mean(), a, b)
            for (a, one), (b, other) in combinations(enumerate(clusters), 2)
        )
        if apart > threshold:
            break
        clusters[a] += clusters.pop(b)
    return {frozenset(cluster) for cluster in clusters}


def as_sets(found):
    return {frozenset(np.flatnonzero(found == code).tolist()) for code in np.unique(found)}


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0, 4.0, 100.0])
def test_agglomeration_is_that_of_the_slow_one_and_of_scikit_learn(threshold):
    x = np.random.default_rng(3).normal(size=(40, 3)).astype(np.float32)
    x[7] = x[31]  # two rows in one place are one cluster at any threshold
    found = agglomerative(x, threshold_sq=threshold)
    assert as_sets(found) == slow_agglomerative(x, threshold)
    squares = ((x[:, None].astype(float) - x[None]) ** 2).sum(axis=2)
    theirs = AgglomerativeClustering(
        n_clusters=None,  # pyright: ignore[reportArgumentType]  as documented
        metric="precomputed",
        linkage="average",
        distance_threshold=threshold + 1e-9,
    ).fit_predict(squares)
    assert as_sets(found) == as_sets(theirs)


def test_clusters_are_numbered_by_their_first_rows():
    x = np.array([[9.0], [0.0], [9.1], [5.0], [0.1]], np.float32)
    assert agglomerative(x, threshold_sq=0.1).tolist() == [0, 1, 0, 2, 1]
    assert k_means(x, 3, seed=0, starts=5).tolist() == [0, 1, 0, 2, 1]
    assert agglomerative(x[:1], threshold_sq=0.1).tolist() == [0]


def slow_figures(clusters, classes):
    pairs = list(combinations(range(len(clusters)), 2))
    together = {(a, b) for a, b in pairs if clusters[a] == clusters[b]}
    same = {(a, b) for a, b in pairs if classes[a] == classes[b]}
    right = len(together & same)
    precision = right / len(together) if together else 1.0
    recall = right / len(same) if same else 1.0
    most = sum(
        max(sum(classes[row] == code for row in cluster) for code in set(classes))
        for cluster in as_sets(clusters)
    )
    return {
        "precision": precision,
        "recall": recall,
        "f": 2 * precision * recall / (precision + recall) if right else 0.0,
        "nmi": normalized_mutual_info_score(classes, clusters),
        "purity": most / len(clusters),
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25))
def test_figures_are_those_of_all_pairs(rows):
    clusters, classes = np.array([c for c, _ in rows]), np.array([y for _, y in rows], np.int32)
    assert cluster_figures(clusters, classes) == pytest.approx(slow_figures(clusters, classes))


def test_perfect_and_useless_clusters():
    classes = np.repeat(np.arange(5), 4).astype(np.int32)
    assert set(cluster_figures(classes.astype(np.int64), classes).values()) == {1.0}
    one = cluster_figures(np.zeros(20, np.int64), classes)
    assert (one["recall"], one["purity"]) == (1.0, 0.2)
    alone = cluster_figures(np.arange(20), classes)
    assert (alone["precision"], alone["recall"], alone["f"], alone["purity"]) == (1.0, 0.0, 0.0, 1.0)


def test_values_that_do_not_fit_say_what_to_do():
    x = np.zeros((3, 2), np.float32)
    with pytest.raises(ModelError, match=r"threshold is -1\.0 but must be at least 0"):
        agglomerative(x, threshold_sq=-1.0)
    with pytest.raises(ModelError, match="clusters is 4 but there are 3 rows: lower it to at most 3"):
        k_means(x, 4, seed=0)
    k_means(x, 3, seed=0)
