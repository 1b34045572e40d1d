"""Retrieval by centroids, against loops."""

import numpy as np
import pytest
from tripletmine.models.errors import ModelError
from tripletmine.models.metrics.centroids import as_retrieval, centroid_ranks


def data(rows, seed, classes=6):
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, classes, rows).astype(np.int32)
    centres = generator.normal(size=(classes, 5))
    return (centres[codes] + generator.normal(size=(rows, 5))).astype(np.float32), codes


def unit(x, normalise):
    return x / np.sqrt((x**2).sum()) if normalise else x


def centroid_retrieval(*rows, **options):
    return as_retrieval(centroid_ranks(*rows, **options))


def slow_ranks(queries, classes, gallery, gallery_classes, normalise, alone):
    """For each query that has an answer: how many centroids are nearer than the right one."""
    ranks = []
    for i, (query, own) in enumerate(zip(queries, classes, strict=True)):
        to = {}
        for code in set(gallery_classes.tolist()):
            members = [
                row
                for j, (row, each) in enumerate(zip(gallery, gallery_classes, strict=True))
                if each == code and not (alone and i == j)
            ]
            if members:
                centroid = unit(np.mean(np.array(members, np.float64), axis=0), normalise)
                to[code] = ((unit(query.astype(np.float64), normalise) - centroid) ** 2).sum()
        if own in to:
            ranks.append(sum(d < to[own] for d in to.values()))
    return ranks


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_against_loops(normalise, alone, seed):
    queries, classes = data(40, seed)
    classes[0] = 6 if alone else 7  # one row, or no row at all in the gallery
    gallery = (queries, classes) if alone else data(30, seed + 100)
    ranks = slow_ranks(queries, classes, *gallery, normalise, alone)
    found = centroid_retrieval(
        queries,
        classes,
        *((None, None) if alone else gallery),
        normalise=normalise,
        block_mib=0,
    )
    assert (len(found.query), found.left_out) == (len(ranks), 40 - len(ranks))
    assert found.left_out >= 1
    assert found.first.tolist() == [rank + 1 for rank in ranks]
    np.testing.assert_array_equal(found.r_precision, found.recall(1))
    np.testing.assert_array_equal(found.average_at_r, found.recall(1))
    np.testing.assert_allclose(found.ndcg, 1 / np.log2(found.first + 1))
    assert 0 < found.recall(1).mean() < found.recall(3).mean() <= 1


def test_means_are_taken_before_they_are_made_unit_length():
    """A long row decides where its centroid points."""
    gallery = np.array([[9, 0], [0, 1], [1, 1]], np.float32)
    codes = np.array([0, 0, 1], np.int32)
    query = np.array([[1, 0.3]], np.float32)
    for code, recall in ((0, 1.0), (1, 0.0)):
        found = centroid_retrieval(query, np.array([code], np.int32), gallery, codes, normalise=True)
        assert found.recall(1) == [recall]


@pytest.mark.parametrize("normalise", [True, False])
def test_one_point_for_everything_finds_nothing(normalise):
    found = centroid_retrieval(
        np.full((12, 4), 0.5, np.float32), np.arange(12, dtype=np.int32) % 3, normalise=normalise
    )
    assert not found.recall(1).any()
    assert not found.average_at_r.any()


def test_one_row_a_class_leaves_all_queries_out():
    found = centroid_retrieval(np.eye(4, dtype=np.float32), np.arange(4, dtype=np.int32), normalise=True)
    assert (len(found.query), found.left_out) == (0, 4)


def test_damaged_embeddings_are_refused():
    with pytest.raises(ModelError, match="query embeddings have NaN"):
        centroid_retrieval(np.full((4, 2), np.nan, np.float32), np.zeros(4, np.int32), normalise=True)
