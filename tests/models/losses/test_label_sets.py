"""Every loss on rows with several classes: values and gradients against loops over their sets, or refused."""

import pytest
import torch
from torch.nn import functional
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.batch_all import BatchAllLoss
from tripletmine.models.losses.batch_hard import BatchHardLoss
from tripletmine.models.losses.centroid import CentroidTripletLoss
from tripletmine.models.losses.global_loss import GlobalLoss
from tripletmine.models.losses.objective import Objective, Term
from tripletmine.models.losses.quadruplet import QuadrupletLoss
from tripletmine.models.losses.settings import (
    BatchAllSettings,
    BatchHardSettings,
    CentroidSettings,
    GlobalSettings,
    QuadrupletSettings,
)
from tripletmine.models.losses.triplet import TripletLoss

from ..label_sets import random_sets, triplets_of
from .examples import METHODS, UNEVEN, WIDTH, features, inputs_of, mean, method, sq_distance

ROWS = 11
OF_ONE_CLASS = {"classification", "centre", "hist", "library"}


def distance(rows, i, j):
    return sq_distance(rows[i], rows[j]).sqrt()


def slow_batch_all(rows, sets):
    costs = [
        (distance(rows, a, p) - distance(rows, a, n) + 0.3).clamp_min(0) for a, p, n in triplets_of(sets)
    ]
    return mean(costs)


def slow_batch_hard(rows, sets):
    costs = []
    for a in range(len(sets)):
        positives = [distance(rows, a, p) for b, p, _ in triplets_of(sets) if b == a]
        negatives = [distance(rows, a, n) for b, _, n in triplets_of(sets) if b == a]
        if positives:
            costs.append(functional.softplus(torch.stack(positives).max() - torch.stack(negatives).min()))
    return mean(costs)


def slow_centroid(rows, sets):
    costs = []
    for q, own in enumerate(sets):
        rivals = []
        for code in sorted(frozenset().union(*sets) - own):
            apart = [rows[i] for i, each in enumerate(sets) if code in each and not each & own]
            if apart:
                rivals.append(sq_distance(rows[q], torch.stack(apart).mean(dim=0)))
        for code in sorted(own):
            others = [rows[i] for i, each in enumerate(sets) if code in each and i != q]
            if others and rivals:
                to_own = sq_distance(rows[q], torch.stack(others).mean(dim=0))
                costs.append((to_own - torch.stack(rivals).min() + 0.5).clamp_min(0))
    return mean(costs)


def slow_quadruplet(rows, sets):
    places = range(len(sets))
    g2 = [[torch.sigmoid(2 * sq_distance(rows[i], rows[j]) - 1) ** 2 for j in places] for i in places]
    pairs = [(i, j) for i in places for j in places if i < j]
    mu_p = mean(g2[i][j] for i, j in pairs if sets[i] & sets[j])
    mu_n = mean(g2[i][j] for i, j in pairs if not sets[i] & sets[j])
    spread = (mu_n - mu_p).detach().clamp_min(0)
    first = [(g2[a][p] - g2[a][n] + spread).clamp_min(0) for a, p, n in triplets_of(sets)]
    second = [
        (g2[a][p] - g2[m][n] + 0.5 * spread).clamp_min(0)
        for a, p, n in triplets_of(sets)
        for m in places
        if not sets[m] & sets[a] and not sets[m] & sets[n]
    ]
    return mean(first) + mean(second)


def semi_hard(rows, sets):
    """For each pair (a, p), the nearest negative that is farther than p by less than 0.2."""
    found = {}
    for a, p, n in triplets_of(sets):
        near, far = sq_distance(rows[a], rows[p]).item(), sq_distance(rows[a], rows[n]).item()
        if near < far < near + 0.2:
            found[a, p] = min(found.get((a, p), (far, n)), (far, n))
    return [(a, p, n) for (a, p), (_, n) in found.items()]


def slow_triplet(rows, sets):
    return mean(
        sq_distance(rows[a], rows[p]) - sq_distance(rows[a], rows[n]) + 0.2
        for a, p, n in semi_hard(rows, sets)
    )


CASES = {
    "batch_all": (lambda: BatchAllLoss(BatchAllSettings(0.3, "all")), slow_batch_all),
    "batch_hard": (lambda: BatchHardLoss(BatchHardSettings(relative=False)), slow_batch_hard),
    "centroid": (lambda: CentroidTripletLoss(CentroidSettings()), slow_centroid),
    "quadruplet": (lambda: QuadrupletLoss(QuadrupletSettings(relative=False), width=WIDTH), slow_quadruplet),
    "triplet": (lambda: TripletLoss(0.2), slow_triplet),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_against_loops(name, seed):
    make, slow = CASES[name]
    sets = random_sets(ROWS, classes=6, seed=seed)
    rows = features(ROWS, seed=seed).requires_grad_()
    value = make().double()(inputs_of(rows, sets=sets))
    (to_rows,) = torch.autograd.grad(value, rows)
    expected = slow(functional.normalize(rows), sets)
    (to_expected,) = torch.autograd.grad(expected, rows)
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    assert torch.allclose(to_rows, to_expected, atol=1e-6)


def test_the_global_loss_takes_the_triplets_of_the_sets():
    sets = random_sets(ROWS, classes=6)
    rows = functional.normalize(features(ROWS))
    picked = semi_hard(rows, sets)
    assert picked
    u = torch.stack([sq_distance(rows[a], rows[p]) / 4 for a, p, _ in picked])
    v = torch.stack([sq_distance(rows[a], rows[n]) / 4 for a, _, n in picked])
    expected = u.var(correction=0) + v.var(correction=0) + 0.8 * (u.mean() - v.mean() + 0.4).clamp_min(0)
    inputs = inputs_of(rows, sets=sets)
    assert GlobalLoss(GlobalSettings())(inputs).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - OF_ONE_CLASS))
def test_sets_of_one_class_give_what_codes_give(name):
    sets = [{code} for code in UNEVEN.tolist()]
    loss, rows = method(name).double(), features()
    expected = loss(inputs_of(rows)).item()
    found = method(name).double()(inputs_of(rows, sets=sets)).item()
    assert found == pytest.approx(expected, rel=1e-9)


SETS = {
    "all share a class": [{0, 1}, {0}, {0, 2}, {0}],
    "no two share one": [{0, 1}, {2}, {3, 4}, {5}],
    "only a negative of both": [{0}, {0, 1}, {1}, {2}],
}


@pytest.mark.parametrize("sets", SETS.values(), ids=SETS)
@pytest.mark.parametrize("name", sorted(METHODS.keys() - OF_ONE_CLASS))
def test_no_batch_gives_a_gradient_that_is_not_finite(name, sets):
    rows = features(len(sets), dtype=torch.float32).requires_grad_()
    value = method(name)(inputs_of(rows, sets=sets))
    (found,) = torch.autograd.grad(value, rows)
    assert torch.isfinite(value)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", sorted(OF_ONE_CLASS))
def test_a_loss_of_one_class_refuses_sets(name):
    sets = random_sets(ROWS, classes=6)
    inputs = inputs_of(features(ROWS, dtype=torch.float32), sets=sets)
    with pytest.raises(ModelError, match=f"loss {name} needs exactly one class per row"):
        Objective({name: Term(method(name))})(inputs)
