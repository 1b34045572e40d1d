"""HIST, against loops: distributions, incidence, convolutions, and the sum of both losses."""

import math

import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.hist import HistLoss, Prototypes, spread
from tripletmine.models.losses.settings import HistSettings

from .examples import CLASSES, UNEVEN, WIDTH, features, inputs_of

HIDDEN = 5


def some_loss(**options):
    """A loss whose log variances lie below, within and above the range of relu6."""
    torch.manual_seed(0)
    loss = HistLoss(HistSettings(hidden=HIDDEN, **options), classes=CLASSES, width=WIDTH).double()
    with torch.no_grad():
        loss.prototypes.log_variances.copy_(4 * features(CLASSES, seed=3))
    return loss


def slow_distance(prototypes, row, code):
    mean = prototypes.means[code].tolist()
    length = math.sqrt(sum(m * m for m in mean))
    total = 0.0
    for z, m, s in zip(row, mean, prototypes.log_variances[code].tolist(), strict=True):
        total += (z - m / length) ** 2 / math.exp(min(max(s, 0.0), 6.0))
    return total


def slow_cross_entropy(logits, label):
    return math.log(sum(math.exp(logit) for logit in logits)) - logits[label]


def slow_spread(incidence, values):
    """G X by loops over G = Dv^−½ H De^−1 Hᵀ Dv^−½."""
    rows, edges = range(len(incidence)), range(len(incidence[0]))
    of_row = [sum(incidence[i]) for i in rows]
    of_edge = [sum(incidence[i][e] for i in rows) for e in edges]
    g = [
        [
            sum(incidence[i][e] * incidence[j][e] / of_edge[e] for e in edges)
            / math.sqrt(of_row[i] * of_row[j])
            for j in rows
        ]
        for i in rows
    ]
    return [[sum(g[i][j] * values[j][f] for j in rows) for f in range(len(values[0]))] for i in rows]


def affine(layer, rows):
    """rows · Θ + b, by loops."""
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    return [
        [sum(w * x for w, x in zip(each, row, strict=True)) + b for each, b in zip(weight, bias, strict=True)]
        for row in rows
    ]


def slow_network(network, rows, incidence):
    hidden = slow_spread(incidence, affine(network.first, rows))
    normed = []
    for f, column in enumerate(zip(*hidden, strict=True)):
        mean = sum(column) / len(column)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in column) / len(column) + 1e-5)
        gain, shift = network.norm.weight[f].item(), network.norm.bias[f].item()
        normed.append([gain * (x - mean) / deviation + shift for x in column])
    active = [[x if x > 0 else 0.1 * x for x in row] for row in zip(*normed, strict=True)]
    return slow_spread(incidence, affine(network.second, active))


def slow(loss, rows):
    codes = UNEVEN.tolist()
    edges = sorted(set(codes))
    units = nn.functional.normalize(rows).tolist()
    distances = [[slow_distance(loss.prototypes, row, code) for code in range(CLASSES)] for row in units]
    first = [
        slow_cross_entropy([-loss.settings.tau * d for d in row], y)
        for row, y in zip(distances, codes, strict=True)
    ]
    incidence = [
        [1.0 if y == code else math.exp(-loss.settings.alpha * row[code]) for code in edges]
        for row, y in zip(distances, codes, strict=True)
    ]
    logits = slow_network(loss.network, rows.tolist(), incidence)
    second = [slow_cross_entropy(row, y) for row, y in zip(logits, codes, strict=True)]
    return sum(first) / len(first) + loss.settings.lambda_s * sum(second) / len(second)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("tau", "alpha", "lambda_s"), [(32.0, 1.1, 1.0), (16.0, 2.0, 0.5), (2.0, 0.9, 0.0)])
@pytest.mark.parametrize("normalise", [True, False])
def test_against_loops(seed, tau, alpha, lambda_s, normalise):
    loss = some_loss(tau=tau, alpha=alpha, lambda_s=lambda_s)
    rows = features(seed=seed)
    found = loss(inputs_of(rows, normalise=normalise)).item()
    assert found == pytest.approx(slow(loss, rows), rel=1e-8)


def test_distributions_learn_from_the_incidence_too():
    """Without L_D, their only gradient is through H."""
    loss = some_loss(tau=1e-9)
    loss(inputs_of(features())).backward()
    assert present(loss.prototypes.means.grad).abs().max() > 1e-6


def test_a_constant_on_a_regular_hypergraph_stays_what_it_is():
    incidence = torch.tensor([[1.0, 0.5], [0.5, 1.0], [1.0, 0.5], [0.5, 1.0]])
    assert torch.allclose(spread(incidence, torch.full((4, 3), 7.0)), torch.full((4, 3), 7.0))


def test_each_variance_can_still_move_at_the_beginning():
    prototypes = Prototypes(CLASSES, WIDTH)
    prototypes(torch.nn.functional.normalize(features(dtype=torch.float32))).sum().backward()
    assert (prototypes.log_variances.grad != 0).all()


def test_distributions_and_network_have_rates_of_their_own():
    distributions, network = some_loss(distribution_rate=0.01, network_factor=10.0).parameter_groups()
    assert (distributions.rate, distributions.weight_decay) == (0.01, 0.0)
    assert (network.rate, network.factor) == (None, 10.0)


def test_with_the_authors_settings_variances_are_drawn_and_distributions_decay():
    loss = HistLoss(HistSettings(**HistSettings.paper), classes=500, width=64)
    drawn = loss.prototypes.log_variances
    assert drawn.mean().item() == pytest.approx(0.0, abs=0.002)
    assert drawn.std().item() == pytest.approx(math.sqrt(2 / 500), rel=0.05)  # Kaiming, by fan-out
    distributions, network = loss.parameter_groups()
    assert (distributions.weight_decay, network.factor) == (None, 10.0)


@pytest.mark.parametrize(
    ("field", "value"), [("tau", 0.0), ("alpha", -1.0), ("lambda_s", -0.1), ("hidden", 0)]
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ModelError, match=rf"^{field} is "):
        HistSettings(**{field: value})


def test_a_variance_is_between_1_and_e_to_the_6():
    prototypes = Prototypes(classes=3, width=1)
    with torch.no_grad():
        prototypes.means.fill_(1.0)
        prototypes.log_variances.copy_(torch.tensor([[-2.0], [6.0], [9.0]]))
    found = prototypes(torch.tensor([[-1.0]]))[0]
    assert found.tolist() == pytest.approx([4.0, 4 * math.exp(-6), 4 * math.exp(-6)], rel=1e-4)
