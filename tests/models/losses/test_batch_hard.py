"""Batch-hard, against loops."""

import math

import pytest
import torch
from present import present
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.batch_hard import BatchHardLoss
from tripletmine.models.losses.pairs import unsquared
from tripletmine.models.losses.settings import BatchHardSettings

from .examples import UNEVEN, features, inputs_of, mean, sq_distance


def root_mean_square(rows):
    """The root mean square of the distances of all pairs."""
    return math.sqrt(mean(sq_distance(rows[i], rows[j]) for i in range(len(rows)) for j in range(i)))


def slow(rows, margin, classes, *, relative):
    costs = []
    unit = root_mean_square(rows) if relative else 1.0
    for a, own in enumerate(classes):
        to = [math.sqrt(sq_distance(rows[a], row)) / unit for row in rows]
        positives = [to[p] for p, code in enumerate(classes) if code == own and p != a]
        negatives = [to[n] for n, code in enumerate(classes) if code != own]
        if positives and negatives:
            gap = max(positives) - min(negatives)
            costs.append(math.log(1 + math.exp(gap)) if margin == "soft" else max(0.0, gap + margin))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("margin", ["soft", 0.1, 1.0])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("relative", [True, False])
def test_against_loops(margin, seed, relative):
    inputs = inputs_of(features(seed=seed))
    expected = slow(inputs.embeddings, margin, UNEVEN.tolist(), relative=relative)
    assert BatchHardLoss(BatchHardSettings(margin, relative=relative))(inputs).item() == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("relative", [True, False])
def test_shrinking_all_rows_lowers_the_loss_only_with_absolute_distances(relative):
    """In random rows the farthest positives are beyond the nearest negatives."""
    rows = features()
    loss = BatchHardLoss(BatchHardSettings(0.2, relative=relative))
    wide, narrow = (loss(inputs_of(scale * rows, normalise=False)).item() for scale in (1.0, 0.1))
    if relative:
        assert narrow == pytest.approx(wide, rel=1e-9)
    else:
        assert 0.2 < narrow < 0.5 * wide


@pytest.mark.parametrize("classes", [torch.zeros(9, dtype=torch.int64), torch.arange(9)])
def test_without_triplets_it_is_zero(classes):
    rows = features().requires_grad_()
    value = BatchHardLoss(BatchHardSettings(0.3))(inputs_of(rows, classes))
    value.backward()
    assert value == 0
    assert not present(rows.grad).any()


def test_a_distance_of_zero_has_no_slope():
    squared = torch.tensor([0.0, 0.25, 4.0], requires_grad=True)
    root = unsquared(squared)
    assert root.tolist() == [0.0, 0.5, 2.0]
    root.sum().backward()
    assert present(squared.grad).tolist() == [0.0, 1.0, 0.25]


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), "hard"])
def test_margins_that_make_no_sense_are_refused(margin):
    with pytest.raises(ModelError, match=r"^margin is "):
        BatchHardLoss(BatchHardSettings(margin))
