"""Losses of label scores: values and gradients against loops over pairs in float64, and how pairs are drawn."""

import pytest
import torch
from tripletmine.models.losses.ranking.labels import label_pairs
from tripletmine.models.seeds import seeded_by

from ...label_sets import random_sets
from ..examples import CLASSES, WIDTH, features, inputs_of, mean, method

ROWS = 11


def pairs(own):
    return [(u, v) for u in sorted(own) for v in range(CLASSES) if v not in own]


def slow_lsep(scores, sets):
    return mean(
        torch.log(1 + sum((torch.exp(f[v] - f[u]) for u, v in pairs(own)), torch.zeros(())))
        for f, own in zip(scores, sets, strict=True)
    )


def slow_hinge_ranking(scores, sets):
    return mean(
        mean((1 + f[v] - f[u]).clamp_min(0) for u, v in pairs(own)) if pairs(own) else torch.zeros(())
        for f, own in zip(scores, sets, strict=True)
    )


def slow_binary_cross_entropy(scores, sets):
    return mean(
        -torch.log(torch.sigmoid(f[c] if c in own else -f[c]))
        for f, own in zip(scores, sets, strict=True)
        for c in range(CLASSES)
    )


SLOW = {
    "lsep": slow_lsep,
    "hinge_ranking": slow_hinge_ranking,
    "binary_cross_entropy": slow_binary_cross_entropy,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SLOW)
def test_value_and_gradients_against_loops(name, seed):
    sets = [*random_sets(ROWS - 1, classes=CLASSES, seed=seed), frozenset(range(CLASSES))]
    loss, rows = method(name).double(), features(ROWS, seed=seed).requires_grad_()
    value = loss(inputs_of(rows, normalise=False, sets=sets))
    expected = SLOW[name](rows @ loss.head.weight.T + loss.head.bias, sets)
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    given = (rows, *loss.parameters())
    for found, wanted in zip(
        torch.autograd.grad(value, given), torch.autograd.grad(expected, given), strict=True
    ):
        assert torch.allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize("name", SLOW)
def test_gradients_on_sets_are_those_of_finite_differences(name):
    sets, loss = random_sets(ROWS, classes=CLASSES), method(name).double()
    rows = features(ROWS, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: loss(inputs_of(rows, sets=sets)), rows)


@pytest.mark.parametrize("name", SLOW)
def test_rows_that_have_every_class_cost_nothing_to_order(name):
    rows = features(3, dtype=torch.float32).requires_grad_()
    value = method(name)(inputs_of(rows, sets=[frozenset(range(CLASSES))] * 3))
    (found,) = torch.autograd.grad(value, rows)
    assert torch.isfinite(found).all()
    assert (value == 0) == (name != "binary_cross_entropy")


def test_scores_follow_from_embeddings_as_they_are_stored():
    loss = method("lsep")
    rows = features(dtype=torch.float32)
    expected = rows @ loss.head.weight.T + loss.head.bias
    assert torch.allclose(torch.from_numpy(loss.head.scores(rows.numpy())), expected)
    assert loss.head.in_features == WIDTH


def test_large_scores_do_not_overflow():
    scores, labels = torch.tensor([[-500.0, 500.0, 0.0]]), torch.tensor([[True, False, False]])
    cost = method("lsep").cost(scores, labels)
    assert cost.item() == pytest.approx(1000.0)


def test_more_pairs_than_the_limit_are_drawn_from_all_of_them_by_the_seed():
    labels = torch.zeros(2, 40, dtype=torch.bool)
    labels[0, :10], labels[1, 7] = True, True  # 300 pairs, and 39
    scores = features(20).reshape(2, 40)  # every difference tells its pair

    def drawn(seed, limit=100):
        with seeded_by(seed):
            return label_pairs(scores, labels, limit)

    whole = [
        {
            (scores[row, v] - scores[row, u]).item()
            for u in range(40)
            for v in range(40)
            if labels[row, u] > labels[row, v]
        }
        for row in range(2)
    ]
    assert [len(each) for each in whole] == [300, 39]
    found = drawn(0)
    assert found.shape == (2, 100)
    assert set(found[0].tolist()) <= whole[0]
    assert torch.isfinite(found[1]).sum() == 39
    assert set(found[1].tolist()) - {-torch.inf} == whole[1]
    assert torch.equal(found, drawn(0))
    assert not torch.equal(found, drawn(1))
    assert set(torch.cat([drawn(seed)[0] for seed in range(40)]).tolist()) == whole[0]  # all come in time
    assert sorted(drawn(0, limit=300)[0].tolist()) == sorted(whole[0])
