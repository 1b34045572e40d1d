"""What holds for every loss: gradients agree with finite differences, and are finite whatever the batch."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tripletmine.models.losses.objective import Objective, Term

from .examples import METHODS, UNEVEN, WIDTH, features, gradient, inputs_of, method

CONSTANT_MARGINS = {name: {"w1": 0.0, "w2": 0.0} for name in ("quadruplet", "quadruplet_absolute")}
"""Adaptive margins are constants to the gradient, but finite differences would see them move."""

BATCHES = {
    "one class": (features(5), torch.zeros(5, dtype=torch.int64)),
    "two classes": (features(4), torch.tensor([0, 0, 1, 1])),
    "one row a class": (features(5), torch.arange(5)),
    "two rows": (features(2), torch.tensor([1, 4])),
    "equal embeddings": (torch.ones(9, WIDTH, dtype=torch.float64), UNEVEN),
    "equal within and across classes": (features(3).repeat(3, 1), UNEVEN),
    "opposite embeddings": (torch.ones(9, WIDTH) * torch.tensor([1.0, -1.0] * 4 + [1.0])[:, None], UNEVEN),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("normalise", [True, False], ids=["unit", "free"])
def test_gradients_are_those_of_finite_differences(name, normalise):
    loss: Any = method(name).double()
    if name in CONSTANT_MARGINS:
        loss.settings = replace(loss.settings, **CONSTANT_MARGINS[name])
    rows = features(seed=1).requires_grad_()
    loss(inputs_of(rows, normalise=normalise))  # MDR: the first batch sets the statistics
    loss.eval()  # and no other one moves them
    # The gradient of centres is not that of the value, see test_centre.py.
    names = [key for key, _ in loss.named_parameters() if name != "centre"]
    parameters = [loss.get_parameter(key).detach().requires_grad_() for key in names]

    def value(rows, *given):
        return torch.func.functional_call(
            loss, dict(zip(names, given, strict=True)), (inputs_of(rows, normalise=normalise),)
        )

    assert torch.autograd.gradcheck(value, (rows, *parameters), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("normalise", [True, False], ids=["unit", "free"])
def test_no_batch_gives_a_gradient_that_is_not_finite(name, batch, normalise):
    rows, classes = BATCHES[batch]
    value, to_rows, to_own = gradient(method(name), rows.float(), classes, normalise=normalise)
    assert torch.isfinite(value)
    assert value >= 0
    for found in (to_rows, *(each for each in to_own.values() if each is not None)):
        assert torch.isfinite(found).all()
        assert found.abs().max() < 1e3


@pytest.mark.parametrize("name", METHODS)
def test_embeddings_from_a_bfloat16_encoder_give_nearly_the_same_value(name):
    """Eight bits of mantissa: coarse values, with ties and equal rows."""
    classes = torch.arange(64) % 4
    rows = features(64, dtype=torch.float32)
    exact, *_ = gradient(method(name), rows, classes % 6)
    coarse, to_rows, _ = gradient(method(name), rows.bfloat16().float(), classes)
    assert torch.isfinite(to_rows).all()
    assert coarse == pytest.approx(exact.item(), rel=0.03)


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_the_rows_does_not_matter(name):
    rows = features(seed=2)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    value, to_rows, _ = gradient(method(name).double(), rows)
    turned, to_turned, _ = gradient(method(name).double(), rows[order], UNEVEN[order])
    assert turned == pytest.approx(value.item(), rel=1e-9)
    assert torch.allclose(to_turned, to_rows[order], atol=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_float32_is_close_to_float64(name):
    classes = torch.arange(60) % 6
    rows = features(60, seed=3)
    exact, to_rows, _ = gradient(method(name).double(), rows, classes, normalise=False)
    found, to_found, _ = gradient(method(name), rows.float(), classes, normalise=False)
    assert found == pytest.approx(exact.item(), rel=1e-4)
    assert torch.allclose(to_found.double(), to_rows, rtol=1e-3, atol=1e-4 * to_rows.abs().max().item())


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_in_one_group_and_gets_a_gradient(name):
    loss = method(name)
    objective = Objective({"one": Term(loss)})
    grouped = [each for group in objective.parameter_groups() for each in group.parameters]
    assert len(grouped) == len(list(loss.parameters()))
    _, _, own = gradient(loss, features(dtype=torch.float32))
    assert all(found is not None and found.any() for found in own.values())


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_without_picked_triplets_still_teaches(name):
    assert not method(name).needs_triplets
