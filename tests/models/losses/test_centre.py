"""Centre loss: the pull on the rows, and how the centres follow them."""

import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.centre import CentreLoss
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.settings import CentreSettings
from tripletmine.models.train.optimisers import Optimiser
from tripletmine.models.train.settings import OptimiserSettings

from .examples import CLASSES, UNEVEN, WIDTH, features, gradient, inputs_of, sq_distance


def with_centres(weight=1.0, **settings):
    loss = CentreLoss(CentreSettings(**settings), classes=CLASSES, width=WIDTH, weight=weight).double()
    with torch.no_grad():
        loss.centres.copy_(features(CLASSES, seed=9))
    return loss


def slow_delta(centres, rows, code):
    """Wen et al., eq. 4, of one centre."""
    own = [row for row, each in zip(rows, UNEVEN.tolist(), strict=True) if each == code]
    return sum((centres[code] - row for row in own), torch.zeros(WIDTH)) / (1 + len(own))


def test_value_and_both_gradients_against_loops():
    loss, rows = with_centres(), features()
    value, to_rows, own = gradient(loss, rows, normalise=False)
    centres = loss.centres.detach()
    pairs = list(zip(rows, UNEVEN.tolist(), strict=True))
    expected = torch.stack([sq_distance(row, centres[code]) / 2 for row, code in pairs]).sum() / len(rows)
    assert value == pytest.approx(expected.item(), rel=1e-9)
    pulls = torch.stack([(row - centres[code]) / len(rows) for row, code in pairs])
    assert torch.allclose(to_rows, pulls, atol=1e-12)
    deltas = torch.stack([slow_delta(centres, rows, code) for code in range(CLASSES)])
    assert torch.allclose(own["centres"], deltas, atol=1e-12)
    assert not deltas[2].any()  # a class that is not in the batch stays where it is


def test_the_paper_settings_drop_the_half_and_take_features_before_normalisation():
    loss, rows = with_centres(**CentreSettings.paper), features()
    value, to_rows, own = gradient(loss, rows, normalise=True)  # the features are not made unit length
    half, half_to_rows, half_own = gradient(with_centres(), rows, normalise=False)
    assert value == pytest.approx(2 * half.item(), rel=1e-12)
    assert torch.allclose(to_rows, 2 * half_to_rows, atol=1e-12)
    assert torch.allclose(own["centres"], half_own["centres"], atol=1e-12)


@pytest.mark.parametrize(("kind", "deviation"), [("zero", 0.0), ("normal", 1.0)])
def test_where_centres_begin(kind, deviation):
    settings = CentreSettings(first_centres=kind)
    centres = CentreLoss(settings, classes=200, width=64, weight=1.0).centres
    assert centres.std().item() == pytest.approx(deviation, abs=0.03)


@pytest.mark.parametrize("weight", [5e-4, 3.0])
def test_one_step_moves_each_centre_by_its_own_rate_whatever_the_weight(weight):
    loss, rows = with_centres(weight=weight, centre_rate=0.5), features()
    before = loss.centres.detach().clone()
    objective = Objective({"centre": Term(loss, weight)})
    optimiser = Optimiser(
        dict(objective.named_parameters()), objective.parameter_groups(), OptimiserSettings(weight_decay=0.1)
    )
    objective(inputs_of(rows, normalise=False)).total.backward()
    optimiser.step(1.0)
    deltas = torch.stack([slow_delta(before, rows, code) for code in range(CLASSES)])
    assert torch.allclose(loss.centres.detach(), before - 0.5 * deltas, atol=1e-12)


@pytest.mark.parametrize(("field", "value"), [("weight", 0.0), ("centre_rate", 0.0), ("centre_rate", 1.5)])
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ModelError, match=rf"^{field} is {value}"):
        with_centres(**{field: value})
