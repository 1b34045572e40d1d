"""Losses of item scores: values and gradients against loops over pairs in float64."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.loss import RankedPairs
from tripletmine.models.losses.ranking.order import RankingLoss, ValueLoss
from tripletmine.models.losses.settings import RankingSettings
from tripletmine.models.seeds import seeded_by

from ..examples import WIDTH, features, inputs_of

ROWS = 9
VALUES = torch.tensor([0.5, -1.0, torch.nan, 2.0, 0.0, torch.nan, 1.0, -0.5, 0.25], dtype=torch.float64)


def pairs_of(seed, count=14):
    """Pairs of different rows, a third of them alike; some rows are in none."""
    generator = np.random.default_rng(seed)
    pairs = np.stack([generator.choice(ROWS - 1, 2, replace=False) for _ in range(count)])
    return RankedPairs(torch.from_numpy(pairs), torch.arange(count) % 3 == 0, VALUES)


def loss_of(margin=0.3, beta=0.7):
    with seeded_by(3):
        return RankingLoss(RankingSettings(margin=margin, beta=beta), width=WIDTH).double()


def ranked_inputs(rows, pairs):
    return replace(inputs_of(rows, normalise=False), ranked=pairs)


def slow_ranking(scores, pairs, margin, beta):
    total = torch.zeros((), dtype=torch.float64)
    for (i, j), alike in zip(pairs.pairs.tolist(), pairs.alike.tolist(), strict=True):
        if alike:
            total = total + (1 - beta) * torch.clamp(torch.abs(scores[i] - scores[j]) - margin, min=0)
        else:
            total = total + beta * torch.clamp(margin - scores[i] + scores[j], min=0)
    return total / len(pairs.pairs)


def slow_values(scores: Tensor, pairs: RankedPairs) -> Tensor:
    known = [row for row, value in enumerate(pairs.values.tolist()) if not math.isnan(value)]
    return torch.stack([(scores[row] - pairs.values[row]) ** 2 for row in known]).mean()


@pytest.mark.parametrize(("margin", "beta"), [(0.3, 0.7), (1.0, 1.0), (2.0, 0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_ranking_and_similarity_against_loops(seed, margin, beta):
    loss, pairs, rows = loss_of(margin, beta), pairs_of(seed), features(seed=seed).requires_grad_()
    value = loss(ranked_inputs(rows, pairs))
    expected = slow_ranking((rows @ loss.head.weight.T + loss.head.bias)[:, 0], pairs, margin, beta)
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    assert value > 0
    given = (rows, loss.head.weight)
    for found, wanted in zip(
        torch.autograd.grad(value, given), torch.autograd.grad(expected, given), strict=True
    ):
        assert torch.allclose(found, wanted, atol=1e-12)


def test_values_against_a_loop():
    with seeded_by(5):
        loss = ValueLoss(width=WIDTH).double()
    pairs, rows = pairs_of(0), features(seed=2).requires_grad_()
    value = loss(ranked_inputs(rows, pairs))
    expected = slow_values((rows @ loss.head.weight.T + loss.head.bias)[:, 0], pairs)
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    found = torch.autograd.grad(value, (rows, *loss.parameters()))
    wanted = torch.autograd.grad(expected, (rows, *loss.parameters()))
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("loss", [loss_of(), ValueLoss(width=WIDTH).double()], ids=["ranking", "value"])
def test_gradients_are_those_of_finite_differences(loss):
    rows = features(seed=4).requires_grad_()
    parameters = [each.detach().requires_grad_() for each in loss.parameters()]
    names = [name for name, _ in loss.named_parameters()]

    def value(rows, *given):
        inputs = ranked_inputs(rows, pairs_of(1))
        return torch.func.functional_call(loss, dict(zip(names, given, strict=True)), (inputs,))

    assert torch.autograd.gradcheck(value, (rows, *parameters))


@pytest.mark.parametrize("loss", [loss_of(), ValueLoss(width=WIDTH).double()], ids=["ranking", "value"])
def test_a_batch_without_pairs_or_values_costs_nothing(loss):
    rows = features().requires_grad_()
    nothing = RankedPairs(
        torch.empty((0, 2), dtype=torch.int64),
        torch.empty(0, dtype=torch.bool),
        torch.full((ROWS,), torch.nan),
    )
    value = loss(ranked_inputs(rows, nothing))
    assert value.item() == 0
    assert torch.isfinite(torch.autograd.grad(value, rows)[0]).all()
    with pytest.raises(ModelError, match="without ranked pairs: compose batches of pairs"):
        loss(inputs_of(rows))
