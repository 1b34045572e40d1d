"""The formulas, against plain Python over a list of triplets; the gradients, against finite differences."""

import pytest
import torch
from present import present
from tripletmine.models.distances import pairwise_sq_distances
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.global_loss import GlobalLoss, global_loss, shares_of_batch
from tripletmine.models.losses.settings import GlobalSettings
from tripletmine.models.losses.triplet import TripletLoss, triplet_loss
from tripletmine.models.rules.pair_counts import count_pairs

TRIPLETS = [(0, 1, 3), (1, 0, 4), (2, 1, 3), (0, 2, 5), (0, 1, 5), (0, 1, 4), (0, 1, 3)]
"""The last equals the first: pairs and triplets may repeat."""


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


def over_triplets(embeddings, triplets, *, t_global, lambda_global):
    distances, trained, _ = counted(embeddings, triplets, 0.2)
    return global_loss(distances, *trained.shares, t_global=t_global, lambda_global=lambda_global)


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
    found = over_triplets(x, TRIPLETS, t_global=t, lambda_global=weight).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_means_that_are_far_enough_apart_leave_only_the_variances():
    x = torch.tensor([[0.0, 0.0], [0.1, 0.0], [2.0, 0.0], [0.0, 1.9], [0.0, 0.2]], dtype=torch.float64)
    triplets = [(0, 1, 2), (0, 4, 3)]
    expected = slow_global(*lists(x, triplets), t=0.0, weight=0.0)
    found = over_triplets(x, triplets, t_global=0.4, lambda_global=0.8).item()
    assert found == pytest.approx(expected, rel=1e-6)


def test_one_triplet_has_no_variance():
    x = unit()
    ((p,), (n,)) = lists(x, TRIPLETS[:1])
    found = over_triplets(x, TRIPLETS[:1], t_global=0.9, lambda_global=0.8).item()
    assert found == pytest.approx(0.8 * max(0.0, p / 4 - n / 4 + 0.9), rel=1e-6)


def test_over_the_batch_every_pair_counts_once():
    x, classes = unit(rows=7), [0, 0, 0, 1, 1, 2, 2]
    same = torch.tensor(classes)[:, None] == torch.tensor(classes)
    pairs = [(i, j) for i in range(7) for j in range(7) if i != j]
    positive = [(i, j, i) for i, j in pairs if classes[i] == classes[j]]
    negative = [(i, i, j) for i, j in pairs if classes[i] != classes[j]]
    expected = slow_global(lists(x, positive)[0], lists(x, negative)[1], 0.4, 0.8)
    shares = shares_of_batch(same)
    found = global_loss(pairwise_sq_distances(x), *shares, t_global=0.4, lambda_global=0.8).item()
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("classes", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_without_one_kind_of_pair_still_has_a_finite_loss(classes):
    same = torch.tensor(classes)[:, None] == torch.tensor(classes)
    x = unit(rows=3).requires_grad_()
    loss = global_loss(pairwise_sq_distances(x), *shares_of_batch(same), t_global=0.4, lambda_global=0.8)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(present(x.grad)).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TripletLoss(0.0), "margin is 0.0"),
        (lambda: GlobalLoss(GlobalSettings(t_global=-0.1)), "t_global is -0.1"),
        (lambda: GlobalLoss(GlobalSettings(lambda_global=-1.0)), "lambda_global is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, said):
    with pytest.raises(ModelError, match=rf"^{said}"):
        make()
