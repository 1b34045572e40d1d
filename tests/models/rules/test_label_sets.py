"""Each batch rule on rows with several classes, against three nested loops over their sets."""

import pytest
import torch
from tripletmine.models.rules.in_batch import InBatch, SemiHard, Stored, WithinBoundary

from ..label_sets import first_of, members_of, random_sets, triplets_of

ROWS = 22


def batch_of(seed, stored=None):
    """Points on a grid: exact in float32, and with many ties."""
    sets = random_sets(ROWS, classes=7, seed=seed)
    points = torch.randint(-3, 4, (ROWS, 2), generator=torch.Generator().manual_seed(seed)) / 4
    distances = (points[:, None] - points).square().sum(dim=2)
    batch = InBatch(distances, first_of(sets), torch.arange(ROWS), stored, members_of(sets))
    return batch, sets


def slow(batch, sets, k, margin, nearer_positive):
    d = batch.sq_distances.double().tolist()
    nearest = [
        min((d[a][q] for q in range(ROWS) if q != a and sets[a] & sets[q]), default=0.0) for a in range(ROWS)
    ]
    return {
        (a, p, n)
        for a, p, n in triplets_of(sets)
        if k * k * d[a][p] < d[a][n] < d[a][p] + margin and (not nearer_positive or nearest[a] < d[a][n])
    }


def check(picked, expected):
    """The counts are those of the expected triplets."""
    positive, negative = torch.zeros(ROWS, ROWS), torch.zeros(ROWS, ROWS)
    for a, p, n in expected:
        positive[a, p] += 1
        negative[a, n] += 1
    assert torch.equal(picked.trained.positive, positive)
    assert torch.equal(picked.trained.negative, negative)
    assert picked.trained.triplets == len(expected)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("nearer_positive", [True, False])
def test_within_the_boundary(seed, nearer_positive):
    batch, sets = batch_of(seed)
    rule = WithinBoundary(k_hardness=0.9, margin=0.4, nearer_positive=nearer_positive, nearest_only=False)
    expected = slow(batch, sets, 0.9, 0.4, nearer_positive)
    assert len(expected) > 50
    check(rule(batch), expected)


@pytest.mark.parametrize("seed", range(8))
def test_semi_hard(seed):
    batch, sets = batch_of(seed)
    expected = {}
    for a, p, n in sorted(slow(batch, sets, 1.0, 0.4, False)):
        d = batch.sq_distances
        if (a, p) not in expected or d[a, n] < d[a, expected[a, p]]:
            expected[a, p] = n
    assert expected
    check(SemiHard(0.4)(batch), {(a, p, n) for (a, p), n in expected.items()})


def test_stored_triplets_are_taken_as_they_are():
    stored = torch.tensor([[0, 1, 2], [3, 4, 5]])
    batch, _ = batch_of(0, stored)
    check(Stored(0.2)(batch), {tuple(each) for each in stored.tolist()})
