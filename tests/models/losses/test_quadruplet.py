"""The quadruplet loss: values and gradients against loops over every quadruplet."""

import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.losses.pairs import hinge_sum
from tripletmine.models.losses.quadruplet import PairMetric, QuadrupletLoss
from tripletmine.models.losses.settings import QuadrupletSettings

from .examples import UNEVEN, WIDTH, features, gradient, inputs_of, mean, sq_distance, triplets


def trained_loss(**options):
    """A loss whose layer has moved from its start."""
    loss = QuadrupletLoss(QuadrupletSettings(**options), width=WIDTH).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3)
    return loss


def slow_g(layer, rows, i, j):
    """Fully connected layer on the pair's features, softmax, second output."""
    return torch.softmax(layer((rows[i] - rows[j]) ** 2), dim=0)[1]


def slow(loss, rows, classes):
    codes = classes.tolist()
    places = range(len(codes))
    if loss.settings.relative:
        rows = rows / mean(sq_distance(rows[i], rows[j]) for i in places for j in places if i < j).sqrt()
    g2 = [[slow_g(loss.metric.layer, rows, i, j) ** 2 for j in places] for i in places]
    pairs = [(i, j) for i in places for j in places if i < j]
    mu_p = mean(g2[i][j] for i, j in pairs if codes[i] == codes[j])
    mu_n = mean(g2[i][j] for i, j in pairs if codes[i] != codes[j])
    spread = (mu_n - mu_p).detach().clamp_min(0)
    first = mean(
        (g2[a][p] - g2[a][n] + loss.settings.w1 * spread).clamp_min(0) for a, p, n in triplets(classes)
    )
    second = [
        (g2[a][p] - g2[m][n] + loss.settings.w2 * spread).clamp_min(0)
        for a, p, n in triplets(classes)
        for m in places
        if len({codes[a], codes[n], codes[m]}) == 3
    ]
    return first + mean(second)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("margins", [(1.0, 0.5), (0.3, 2.0), (0.0, 0.0)])
@pytest.mark.parametrize("relative", [True, False])
def test_value_and_gradients_against_loops(seed, margins, relative):
    loss = trained_loss(w1=margins[0], w2=margins[1], relative=relative)
    value, to_rows, to_layer = gradient(loss, features(seed=seed))

    rows = features(seed=seed).requires_grad_()
    loss.zero_grad()
    expected = slow(loss, nn.functional.normalize(rows), UNEVEN)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-9)
    assert torch.allclose(to_rows, present(rows.grad), atol=1e-10)
    for name, parameter in loss.named_parameters():
        assert torch.allclose(to_layer[name], present(parameter.grad), atol=1e-10)


def test_two_classes_hold_triplets_but_no_quadruplet():
    classes = torch.tensor([0, 0, 1, 1, 1])
    loss, rows = trained_loss(relative=False), features(5)
    value, *_ = gradient(loss, rows, classes)
    squared = loss.metric(nn.functional.normalize(rows)).square()
    near, far = squared[classes[:, None] == classes], squared[classes[:, None] != classes]
    near_mean = (near.sum() - squared.diagonal().sum()) / (len(near) - 5)
    spread = (far.mean() - near_mean).clamp_min(0)
    expected = mean((squared[a, p] - squared[a, n] + spread).clamp_min(0) for a, p, n in triplets(classes))
    assert value == pytest.approx(expected.item(), rel=1e-9)


@pytest.mark.parametrize("relative", [True, False])
def test_shrinking_all_rows_lowers_the_loss_only_with_absolute_distances(relative):
    loss = QuadrupletLoss(QuadrupletSettings(relative=relative), width=WIDTH).double()
    wide, narrow = (loss(inputs_of(scale * features(), normalise=False)).item() for scale in (1.0, 0.1))
    if relative:
        assert narrow == pytest.approx(wide, rel=1e-9)
    else:
        assert narrow < 0.5 * wide


def test_the_metric_begins_as_a_function_of_the_squared_distance_and_is_symmetric():
    inputs = inputs_of(features())
    found = PairMetric(WIDTH).double()(inputs.embeddings)
    assert torch.allclose(found, torch.sigmoid(2 * inputs.sq_distances - 1))
    learned = trained_loss().metric(inputs.embeddings)
    assert torch.allclose(learned, learned.T)


@pytest.mark.parametrize("margin", [-0.3, 0.0, 0.4])
@pytest.mark.parametrize("sizes", [(1, 1), (7, 30), (30, 7), (0, 5), (5, 0)])
def test_the_sum_of_hinges(margin, sizes):
    generator = torch.Generator().manual_seed(sizes[0])
    near, far = (torch.rand(size, generator=generator, dtype=torch.float64) for size in sizes)
    near.requires_grad_()
    far.requires_grad_()
    expected = (near[:, None] - far + margin).clamp_min(0).sum()
    found = hinge_sum(near, far, torch.tensor(margin, dtype=torch.float64))
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)
    for one, other in zip(
        torch.autograd.grad(found, (near, far)), torch.autograd.grad(expected, (near, far)), strict=True
    ):
        assert torch.equal(one, other)


def test_a_hinge_of_exactly_zero_is_in_neither_sum():
    near, far = torch.tensor([0.25, 0.5]), torch.tensor([0.5, 0.75])  # + 0.25: two gaps are 0, one is -0.25
    assert hinge_sum(near, far, torch.tensor(0.25)) == 0.25


def test_the_layer_has_a_rate_of_its_own():
    (group,) = QuadrupletLoss(QuadrupletSettings(metric_factor=7.0), width=WIDTH).parameter_groups()
    assert group.factor == 7.0
