"""Labels decided from scores, on rows whose right answer is known; the seed fixes what is fitted."""

import numpy as np
import pytest
from tripletmine.models.label_decision import (
    Scored,
    by_count,
    by_mean_count,
    by_one_threshold,
    decisions,
)

CLASSES = 6


def scored(rows, seed, *, shift=0.0):
    """Scores that are right but for their level; the first feature gives the level, the second the number of labels."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(1, 4, rows)
    labels = np.zeros((rows, CLASSES), np.bool_)
    for row, count in enumerate(counts):
        labels[row, generator.choice(CLASSES, count, replace=False)] = True
    level = generator.choice([-3.0, 0.0, 3.0], rows) * shift
    scores = 4 * (np.where(labels, 1.0, -1.0) + generator.uniform(-0.4, 0.4, labels.shape) + level[:, None])
    features = np.stack([level, counts - 2.0, generator.normal(size=rows)], axis=1)
    return Scored(features.astype(np.float32), scores.astype(np.float32)), labels


def test_networks_learn_from_features_what_scores_alone_do_not_show():
    train, labels = scored(400, 0, shift=0.5)
    asked, expected = scored(200, 1, shift=0.5)
    right = {
        name: (decide(asked) == expected).all(axis=1).mean()
        for name, decide in decisions(train, labels, seed=0).items()
    }
    assert right["count"] == 1.0
    assert right["thresholds"] > 0.9
    assert right["top_k"] < 0.5  # rows have one to three labels
    assert right["one_threshold"] < 0.5  # one threshold cannot serve three levels


def test_one_threshold_is_where_f1_is_highest():
    train, labels = scored(60, 2)
    noisy = Scored(
        train.features,
        np.round(train.scores + np.random.default_rng(3).normal(0, 1, labels.shape)).astype(np.float32),
    )

    def f1(decided):
        return 2 * (decided & labels).sum() / (decided.sum() + labels.sum())

    best = max(f1(noisy.scores >= each) for each in np.unique(noisy.scores))
    assert f1(by_one_threshold(noisy, labels)(noisy)) == pytest.approx(best)


def test_the_mean_count_of_training_and_the_first_of_equal_scores():
    labels = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0]], np.bool_)
    scores = np.array([[0.5, 0.9, 0.5], [0.1, 0.1, 0.1]], np.float32)
    decided = by_mean_count(labels)(Scored(np.zeros((2, 1), np.float32), scores))
    assert decided.tolist() == [[True, True, False], [True, True, False]]


def test_the_same_seed_gives_the_same_decision_whatever_torch_has_drawn_before():
    train, labels = scored(50, 0)
    asked, _ = scored(30, 1, shift=0.3)
    assert np.array_equal(by_count(train, labels, seed=5)(asked), by_count(train, labels, seed=5)(asked))


def test_fewer_rows_than_a_step_takes_and_one_label_each():
    train = Scored(np.eye(3, 2, dtype=np.float32), np.eye(3, dtype=np.float32))
    decided = by_count(train, np.eye(3, dtype=np.bool_), seed=0)(train)
    assert np.array_equal(decided, np.eye(3, dtype=np.bool_))
