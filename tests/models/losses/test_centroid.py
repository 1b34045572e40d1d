"""The centroid triplet loss, against loops."""

import pytest
import torch
from present import present
from tripletmine.models.errors import ModelError
from tripletmine.models.losses.centroid import CentroidTripletLoss
from tripletmine.models.losses.settings import CentroidSettings

from .examples import UNEVEN, features, inputs_of, sq_distance


def slow(rows, margin, classes=UNEVEN, *, squared=True, with_rows=False):
    codes = classes.tolist()
    hinges = []
    for q, own in enumerate(codes):
        others = [rows[i] for i, code in enumerate(codes) if code == own and i != q]
        rivals = [
            torch.stack([rows[i] for i, code in enumerate(codes) if code == rival]).mean(dim=0)
            for rival in set(codes) - {own}
        ]
        if others and rivals:
            if with_rows:
                rivals += [rows[i] for i, code in enumerate(codes) if code != own]
            to_own = sq_distance(rows[q], torch.stack(others).mean(dim=0))
            to_rival = min(sq_distance(rows[q], rival) for rival in rivals)
            if not squared:
                to_own, to_rival = to_own.sqrt(), to_rival.sqrt()
            hinges.append((to_own - to_rival + margin).clamp_min(0))
    return torch.stack(hinges).mean()


@pytest.mark.parametrize("margin", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("rivals", ["centroids", "rows_and_centroids"])
def test_against_loops(margin, normalise, seed, squared, rivals):
    rows = features(seed=seed).requires_grad_()
    inputs = inputs_of(rows, normalise=normalise)
    value = CentroidTripletLoss(CentroidSettings(margin, squared, rivals))(inputs)
    expected = slow(inputs.embeddings, margin, squared=squared, with_rows=rivals == "rows_and_centroids")
    assert value.item() == pytest.approx(expected.item(), rel=1e-9)
    found, wanted = (torch.autograd.grad(each, rows, retain_graph=True)[0] for each in (value, expected))
    assert torch.allclose(found, wanted, atol=1e-10)


def test_a_query_is_not_part_of_its_own_centroid():
    """Of two rows of a class, each is compared with the other one alone."""
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 0.0], [5.0, 0.0]], dtype=torch.float64)
    value = CentroidTripletLoss(CentroidSettings(0.5))(
        inputs_of(rows, torch.tensor([0, 0, 1, 1]), normalise=False)
    )
    # d² to the own centroid less d² to the other: 2 − 16, 2 − 26, and twice 0 − (4.5² + 0.5²). None violates.
    assert value == 0
    value = CentroidTripletLoss(CentroidSettings(15.0))(
        inputs_of(rows, torch.tensor([0, 0, 1, 1]), normalise=False)
    )
    assert value.item() == pytest.approx((2 - 16 + 15) / 4)


@pytest.mark.parametrize("classes", [torch.zeros(9, dtype=torch.int64), torch.arange(9)])
def test_without_a_pair_or_a_second_class_it_is_zero(classes):
    rows = features().requires_grad_()
    value = CentroidTripletLoss(CentroidSettings())(inputs_of(rows, classes))
    value.backward()
    assert value == 0
    assert not present(rows.grad).any()


def test_the_margin_is_checked():
    with pytest.raises(ModelError, match=r"^margin is 0"):
        CentroidTripletLoss(CentroidSettings(0.0))
