"""Batch-hard, against loops."""

import math

import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.batch_hard import BatchHardLoss
from tripletmine.models.losses.unsquared import unsquared

from .examples import UNEVEN, features, inputs_of, sq_distance


def slow(rows, margin, classes):
    costs = []
    for a, own in enumerate(classes):
        to = [math.sqrt(sq_distance(rows[a], row)) for row in rows]
        positives = [to[p] for p, code in enumerate(classes) if code == own and p != a]
        negatives = [to[n] for n, code in enumerate(classes) if code != own]
        if positives and negatives:
            gap = max(positives) - min(negatives)
            costs.append(math.log(1 + math.exp(gap)) if margin == "soft" else max(0.0, gap + margin))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("margin", ["soft", 0.1, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_against_loops(margin, seed):
    inputs = inputs_of(features(seed=seed))
    expected = slow(inputs.embeddings, margin, UNEVEN.tolist())
    assert BatchHardLoss(margin)(inputs).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("classes", [torch.zeros(9, dtype=torch.int64), torch.arange(9)])
def test_without_triplets_it_is_zero(classes):
    rows = features().requires_grad_()
    value = BatchHardLoss(0.3)(inputs_of(rows, classes))
    value.backward()
    assert value == 0
    assert not rows.grad.any()


def test_a_distance_of_zero_has_no_slope():
    squared = torch.tensor([0.0, 0.25, 4.0], requires_grad=True)
    root = unsquared(squared)
    assert root.tolist() == [0.0, 0.5, 2.0]
    root.sum().backward()
    assert squared.grad.tolist() == [0.0, 1.0, 0.25]


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), "hard"])
def test_margins_that_make_no_sense_are_refused(margin):
    with pytest.raises(ModelError, match=r"^loss\.batch_hard\.margin is "):
        BatchHardLoss(margin)
