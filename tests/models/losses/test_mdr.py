"""Multi-level distance regularisation, against loops over pairs and batches."""

import math

import pytest
import torch
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.mdr import MdrLoss
from tripletmine.models.losses.settings import MdrSettings

from .examples import UNEVEN, features, inputs_of, sq_distance


def distances_of(rows):
    return [math.sqrt(sq_distance(rows[i], rows[j])) for i in range(len(rows)) for j in range(i)]


def slow(batches, levels, momentum, *, nu=0.0, of_matrix=False):
    """The loss of each batch in turn, with running statistics. of_matrix: take these over all B² distances."""
    mean = deviation = None
    found = []
    for rows in batches:
        distances = distances_of(rows)
        seen = [math.sqrt(sq_distance(x, y)) for x in rows for y in rows] if of_matrix else distances
        own_mean = sum(seen) / len(seen)
        own_deviation = math.sqrt(sum((d - own_mean) ** 2 for d in seen) / (len(seen) - of_matrix))
        if mean is None:
            mean, deviation = own_mean, own_deviation
        else:
            mean = momentum * mean + (1 - momentum) * own_mean
            deviation = momentum * deviation + (1 - momentum) * own_deviation
        found.append(
            sum(min(abs((d - mean) / deviation - s) for s in levels) for d in distances) / len(distances)
            + nu * sum(s * s for s in levels)
        )
    return found


@pytest.mark.parametrize("levels", [(-3.0, 0.0, 3.0), (0.0,), (-1.0, 0.5)])
@pytest.mark.parametrize("normalise", [True, False])
def test_against_loops_over_several_batches(levels, normalise):
    loss = MdrLoss(MdrSettings(levels=levels)).double()
    batches = [inputs_of(features(seed=seed) * (1 + seed), normalise=normalise) for seed in range(4)]
    expected = slow([inputs.embeddings for inputs in batches], levels, 0.9)
    assert [loss(inputs).item() for inputs in batches] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("normalise", [True, False])
def test_the_authors_statistics_and_penalty_on_levels_against_loops(normalise):
    loss = MdrLoss(MdrSettings(**MdrSettings.paper)).double()
    batches = [inputs_of(features(seed=seed) * (1 + seed), normalise=normalise) for seed in range(4)]
    rows = [inputs.embeddings for inputs in batches]
    expected = slow(rows, (-3.0, 0.0, 3.0), 0.9, nu=0.01, of_matrix=True)
    assert [loss(inputs).item() for inputs in batches] == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(slow(rows, (-3.0, 0.0, 3.0), 0.9, nu=0.01), rel=1e-3)


def test_labels_do_not_count():
    rows = features()
    assert MdrLoss(MdrSettings())(inputs_of(rows)) == MdrLoss(MdrSettings())(inputs_of(rows, UNEVEN.flip(0)))


def test_in_evaluation_the_statistics_stay():
    loss = MdrLoss(MdrSettings())
    loss(inputs_of(features()))
    kept = loss.statistics.clone()
    loss.eval()(inputs_of(features(seed=1)))
    assert torch.equal(loss.statistics, kept)


def test_equal_distances_wait_for_the_first_batch_that_has_others():
    loss = MdrLoss(MdrSettings())
    assert loss(inputs_of(torch.ones(4, 4), torch.arange(4))) == 0
    inputs = inputs_of(features())
    assert loss(inputs).item() == pytest.approx(slow([inputs.embeddings], loss.levels.tolist(), 0.9)[0])


def test_settings_out_of_range_are_refused():
    with pytest.raises(ModelError, match=r"^levels is empty"):
        MdrSettings(levels=())
    with pytest.raises(ModelError, match=r"^momentum is 1.0 but must be below"):
        MdrSettings(momentum=1.0)
