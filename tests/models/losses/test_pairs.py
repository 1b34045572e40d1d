"""The mean squared distance of a batch, which relative losses divide by."""

import pytest
import torch
from present import present
from tripletmine.models.losses.pairs import SMALLEST, mean_sq_distance

from .examples import features, inputs_of, mean, sq_distance


def test_it_is_the_mean_over_all_pairs_of_rows():
    rows = features()
    expected = mean(sq_distance(rows[i], rows[j]) for i in range(len(rows)) for j in range(i))
    found = mean_sq_distance(inputs_of(rows, normalise=False).sq_distances)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("rows", [1, 4])
def test_where_there_is_no_distance_it_is_not_zero(rows):
    squared = torch.zeros(rows, rows, requires_grad=True)
    found = mean_sq_distance(squared)
    found.backward()
    assert found.item() == pytest.approx(SMALLEST)
    assert torch.equal(present(squared.grad), torch.zeros(rows, rows))


def test_a_relative_distance_has_no_slope_along_a_common_scale():
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    squared = inputs_of(features() * scale, normalise=False).sq_distances
    (squared / mean_sq_distance(squared))[0, 1].backward()
    assert present(scale.grad).abs() < 1e-12
