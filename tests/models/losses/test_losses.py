"""The formulas, against plain Python over a list of triplets; the gradients, against finite differences."""

import pytest
import torch
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.global_loss import global_loss
from tripletmine.models.losses.triplet import triplet_loss
from tripletmine.models.losses.triplet_global import LossSettings, TripletGlobalLoss
from tripletmine.models.pair_counts import count_pairs

TRIPLETS = [(0, 1, 3), (1, 0, 4), (2, 1, 3), (0, 2, 5), (0, 1, 5), (0, 1, 4), (0, 1, 3)]
"""The last is there twice: pairs and triplets may repeat."""


def unit(rows=6, seed=0):
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def lists(embeddings, triplets):
    """d²(a,p) and d²(a,n) of each triplet, as Python numbers."""
    x = embeddings.tolist()

    def distance(i, j):
        return sum((s - t) ** 2 for s, t in zip(x[i], x[j], strict=True))

    return [distance(a, p) for a, p, _ in triplets], [distance(a, n) for a, _, n in triplets]


def slow_triplet(positive, negative, margin):
    return sum(max(0.0, p - n + margin) for p, n in zip(positive, negative, strict=True)) / len(positive)


def slow_global(positive, negative, t, weight):
    u, v = [p / 4 for p in positive], [n / 4 for n in negative]
    mean_u, mean_v = sum(u) / len(u), sum(v) / len(v)
    var_u = sum((x - mean_u) ** 2 for x in u) / len(u)
    var_v = sum((x - mean_v) ** 2 for x in v) / len(v)
    return var_u + var_v + weight * max(0.0, mean_u - mean_v + t)


def counted(embeddings, triplets, margin):
    """Distances with gradient, all triplets and the active ones, as counts of pairs."""
    distances = pairwise_sq_distances(embeddings)
    chosen = torch.tensor(triplets, dtype=torch.int64).reshape(-1, 3)
    a, p, n = chosen.unbind(1)
    active = chosen[(distances[a, n] < distances[a, p] + margin)]
    return distances, count_pairs(chosen, len(embeddings)), count_pairs(active, len(embeddings))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("margin", [0.05, 0.2, 1.5])
def test_triplet(margin, seed):
    x = unit(seed=seed)
    expected = slow_triplet(*lists(x, TRIPLETS), margin)
    assert triplet_loss(*counted(x, TRIPLETS, margin), margin=margin).item() == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("t", "weight"), [(0.4, 0.8), (0.0, 1.0), (0.01, 0.5)])
def test_global(t, weight, seed):
    x = unit(seed=seed)
    expected = slow_global(*lists(x, TRIPLETS), t, weight)
    found = global_loss(*counted(x, TRIPLETS, 0.2)[:2], t_global=t, lambda_global=weight).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_means_that_are_far_enough_apart_leave_only_the_variances():
    x = torch.tensor([[0.0, 0.0], [0.1, 0.0], [2.0, 0.0], [0.0, 1.9], [0.0, 0.2]], dtype=torch.float64)
    triplets = [(0, 1, 2), (0, 4, 3)]
    expected = slow_global(*lists(x, triplets), t=0.0, weight=0.0)
    found = global_loss(*counted(x, triplets, 0.2)[:2], t_global=0.4, lambda_global=0.8).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_one_triplet_has_no_variance():
    x = unit()
    ((p,), (n,)) = lists(x, TRIPLETS[:1])
    found = global_loss(*counted(x, TRIPLETS[:1], 0.2)[:2], t_global=0.9, lambda_global=0.8).item()
    assert found == pytest.approx(0.8 * max(0.0, p / 4 - n / 4 + 0.9), rel=1e-6)


def combined(settings, triplets, embeddings):
    return TripletGlobalLoss(settings)(*counted(embeddings, triplets, settings.margin))


def test_the_sum_is_gamma_times_triplet_plus_global_of_the_same_triplets():
    settings = LossSettings(margin=0.3, t_global=0.5, lambda_global=0.7, gamma=2.0)
    distances = lists(unit(), TRIPLETS)
    hinge, spread = slow_triplet(*distances, 0.3), slow_global(*distances, 0.5, 0.7)
    found = [part.item() for part in combined(settings, TRIPLETS, unit())]
    assert found == pytest.approx([2 * hinge + spread, hinge, spread], rel=1e-6)


def test_the_global_part_can_be_left_out():
    parts = combined(LossSettings(use_global=False, gamma=3.0), TRIPLETS, unit())
    assert parts.global_.item() == 0
    assert parts.total.item() == pytest.approx(3 * parts.triplet.item())


@pytest.mark.parametrize("margin", [0.05, 0.2, 1.5])
def test_the_gradient_is_that_of_finite_differences(margin):
    x = unit().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: combined(LossSettings(margin), TRIPLETS, z).total, (x,), atol=1e-4
    )


def test_equal_embeddings_give_a_finite_gradient():
    x = torch.full((6, 4), 0.5, requires_grad=True)
    combined(LossSettings(), TRIPLETS, x).total.backward()
    assert torch.isfinite(x.grad).all()


def test_without_triplets_the_loss_and_its_gradient_are_zero():
    x = unit().requires_grad_()
    parts = combined(LossSettings(), [], x)
    assert [part.item() for part in parts] == [0, 0, 0]
    parts.total.backward()
    assert (x.grad == 0).all()


@pytest.mark.parametrize(
    ("field", "value"), [("margin", 0.0), ("t_global", -0.1), ("lambda_global", -1.0), ("gamma", -1.0)]
)
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(ModelError, match=rf"^loss\.{field} is "):
        LossSettings(**{field: value})
