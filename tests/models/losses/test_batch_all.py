"""Batch-all, against three loops."""

import math
from typing import Any

import pytest
import torch
from present import present
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.batch_all import BatchAllLoss
from tripletmine.models.losses.settings import BatchAllSettings

from .examples import features, inputs_of, sq_distance, triplets


def slow_costs(rows, margin):
    def distance(i, j):
        return math.sqrt(sq_distance(rows[i], rows[j]))

    gaps = [distance(a, p) - distance(a, n) for a, p, n in triplets()]
    return [math.log(1 + math.exp(gap)) if margin == "soft" else max(0.0, gap + margin) for gap in gaps]


@pytest.mark.parametrize("margin", ["soft", 0.1, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_over_all_triplets(margin, seed):
    inputs = inputs_of(features(seed=seed))
    costs = slow_costs(inputs.embeddings, margin)
    assert BatchAllLoss(BatchAllSettings(margin, "all"))(inputs).item() == pytest.approx(
        sum(costs) / len(costs), rel=1e-9
    )


@pytest.mark.parametrize("margin", [0.1, 1.0])
def test_over_the_active_ones(margin):
    inputs = inputs_of(features())
    costs = [found for found in slow_costs(inputs.embeddings, margin) if found > 0]
    expected = sum(costs) / len(costs)
    assert BatchAllLoss(BatchAllSettings(margin, "active"))(inputs).item() == pytest.approx(
        expected, rel=1e-9
    )


def test_p_classes_of_k_images_hold_as_many_triplets_as_the_paper_says():
    classes = torch.arange(12) % 3  # P = 3, K = 4
    assert len(triplets(classes)) == 12 * 3 * (12 - 4)
    equal = inputs_of(torch.ones(12, 4, dtype=torch.float64), classes)
    assert BatchAllLoss(BatchAllSettings(0.25))(equal).item() == pytest.approx(0.25)


@pytest.mark.parametrize("classes", [torch.zeros(9, dtype=torch.int64), torch.arange(9)])
@pytest.mark.parametrize("mean", ["all", "active"])
def test_without_triplets_it_is_zero(classes, mean):
    rows = features().requires_grad_()
    value = BatchAllLoss(BatchAllSettings(0.3, mean))(inputs_of(rows, classes))
    value.backward()
    assert value == 0
    assert not present(rows.grad).any()


def test_with_a_soft_margin_every_triplet_is_active():
    inputs = inputs_of(features())
    assert BatchAllLoss(BatchAllSettings("soft", "active"))(inputs) == BatchAllLoss(
        BatchAllSettings("soft", "all")
    )(inputs)


def test_the_default_is_the_papers_best_variant_at_its_margin():
    inputs = inputs_of(features())
    assert BatchAllLoss(BatchAllSettings())(inputs) == BatchAllLoss(BatchAllSettings(0.2, "active"))(inputs)


def test_an_unknown_mean_is_refused():
    unknown: Any = "most"
    with pytest.raises(ModelError, match=r"^mean is 'most' but"):
        BatchAllLoss(BatchAllSettings(0.2, unknown))
