import math

import numpy as np
import pytest
from present import present
from tripletmine.models.metrics import nmi as module
from tripletmine.models.metrics.nmi import nmi


def clouds(spread, rows=200, classes=5):
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), rows // classes).astype(np.int32)
    x = 10 * np.eye(classes, 6)[y] + generator.normal(0, spread, (rows, 6))
    return x.astype(np.float32), y


def test_separate_classes_have_one_and_shuffled_ones_nearly_none():
    x, y = clouds(0.1)
    assert nmi(x, y, seed=0, starts=5).value == pytest.approx(1.0)
    shuffled = present(nmi(x, np.random.default_rng(1).permutation(y), seed=0).value)
    assert shuffled < 0.15, shuffled


def test_the_value_is_mutual_information_over_the_mean_entropy():
    # Two clusters that are certain to be found, and two classes, one of which is split between them.
    x = np.repeat([[0.0], [100.0]], 6, axis=0).astype(np.float32)
    y = np.array([0] * 6 + [1] * 3 + [0] * 3, np.int32)
    joint = {(0, 0): 0.5, (1, 1): 0.25, (0, 1): 0.25}
    classes, clusters = {0: 0.75, 1: 0.25}, {0: 0.5, 1: 0.5}
    mutual = sum(p * math.log(p / (classes[c] * clusters[k])) for (c, k), p in joint.items())
    entropy = [-sum(p * math.log(p) for p in side.values()) for side in (classes, clusters)]
    assert nmi(x, y, seed=0).value == pytest.approx(mutual / (sum(entropy) / 2))


def test_the_seed_decides():
    x, y = clouds(4.0)
    values = {nmi(x, y, seed=3).value for _ in range(3)}
    assert len(values) == 1
    assert len({nmi(x, y, seed=seed).value for seed in range(6)}) > 1


def test_collapsed_embeddings_have_fewer_clusters_without_a_warning():
    assert nmi(np.ones((20, 3), np.float32), np.repeat(np.arange(4), 5).astype(np.int32), seed=0).value == 0


def test_too_many_classes_are_left_out_and_said_so(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 4)
    found = nmi(*clouds(1.0), seed=0)
    assert found.value is None
    assert found.left_out == "left out: 5 classes, above the limit of 4"
