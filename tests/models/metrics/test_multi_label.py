"""Figures of labels against plain loops, with ties, rows with every label, and classes without a row."""

import numpy as np
import pytest
from tripletmine.models.metrics.multi_label import label_decision_metrics, label_ranking_metrics


def drawn(seed, *, tied=False, classes=5, rows=30):
    generator = np.random.default_rng(seed)
    labels = generator.random((rows, classes)) < 0.4
    labels[~labels.any(axis=1), 0] = True
    labels[0] = True
    labels[1:, -1] = False  # the last class has one row
    scores = generator.normal(size=labels.shape) + labels
    return (np.round(scores) if tied else scores), labels


def slow_average_precision(scores, labels):
    """Σ over distinct scores s, descending: precision of the rows at or above s × the recall that s adds."""
    total, recalled = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        above = [bool(label) for score, label in zip(scores, labels, strict=True) if score >= threshold]
        recall = sum(above) / sum(labels)
        total += (recall - recalled) * sum(above) / len(above)
        recalled = recall
    return total


def slow_ranking(scores, labels):
    covered, wrong = [], []
    for f, own in zip(scores, labels, strict=True):
        lowest = min(f[own])
        covered.append(sum(score >= lowest for score in f))
        pairs = [f[v] >= f[u] for u in np.flatnonzero(own) for v in np.flatnonzero(~own)]
        wrong.append(np.mean(pairs) if pairs else 0.0)
    there = [c for c in range(labels.shape[1]) if labels[:, c].any()]
    precisions = [slow_average_precision(scores[:, c], labels[:, c]) for c in there]
    return {
        "label_map": np.mean(precisions),
        "coverage": np.mean(covered),
        "ranking_loss": np.mean(wrong),
        "label_classes": len(there),
    }


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_rankings_against_loops(seed, tied):
    scores, labels = drawn(seed, tied=tied)
    labels[:, 1] = False  # a class without a row
    labels[~labels.any(axis=1), 0] = True
    assert label_ranking_metrics(scores, labels) == pytest.approx(slow_ranking(scores, labels))


def test_equal_scores_are_wrong():
    labels = np.array([[True, False], [False, True]])
    found = label_ranking_metrics(np.zeros((2, 2)), labels)
    assert (found["ranking_loss"], found["coverage"]) == (1.0, 2.0)


def slow_decided(decided, labels):
    def three(right, given, there):
        precision = right / given if given else 0.0
        recall = right / there
        return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0

    right, given, there = ((decided & labels).sum(axis=0), decided.sum(axis=0), labels.sum(axis=0))
    by_class = np.mean([three(*each) for each in zip(right, given, there, strict=True) if each[2]], axis=0)
    overall = three(right.sum(), given.sum(), there.sum())
    names = [f"{of}_{name}" for of in ("class", "overall") for name in ("precision", "recall", "f1")]
    exact = np.mean([list(one) == list(other) for one, other in zip(decided, labels, strict=True)])
    return dict(zip(names, [*by_class, *overall], strict=True)) | {"exact_match": exact}


@pytest.mark.parametrize("seed", range(3))
def test_decisions_against_loops(seed):
    scores, labels = drawn(seed)
    decided = scores > 0.5
    decided[:, -1] = False  # a class that no row was given
    labels[:, 2] = False  # and one that no row has, though some were given it
    assert label_decision_metrics(decided, labels) == pytest.approx(slow_decided(decided, labels))
    assert decided[:, 2].any()
