import pytest
import torch
from present import present
from torch import nn
from tripletmine.models.train.averaging import Average


def test_the_average_follows_its_formula_and_copies_buffers():
    layer = nn.BatchNorm1d(2)
    average = Average(layer, decay=0.15)
    expected = None
    for step in range(4):
        with torch.no_grad():
            layer.weight.fill_(float(step + 1))
            present(layer.running_mean).fill_(float(step))
        average.update(layer)
        decay = min(0.15, (1 + step) / (10 + step))
        expected = step + 1 if expected is None else decay * expected + (1 - decay) * (step + 1)
    state = average.state()
    assert state["weights/weight"].tolist() == pytest.approx([expected, expected])
    assert state["weights/running_mean"].tolist() == [3.0, 3.0]
    assert int(state["steps"]) == 4


def test_a_restored_state_continues_bit_for_bit_and_an_empty_one_starts_over():
    layer = nn.Linear(3, 2)
    whole, resumed = Average(layer, 0.9), Average(nn.Linear(3, 2), 0.9)
    whole.update(layer)
    resumed.load_state({name: value.clone() for name, value in whole.state().items()})
    with torch.no_grad():
        layer.weight.add_(1.0)
    whole.update(layer)
    resumed.update(layer)
    assert all(torch.equal(value, resumed.state()[name]) for name, value in whole.state().items())

    new = Average(nn.Linear(3, 2), 0.9)
    new.load_state({})
    new.update(layer)
    assert torch.equal(new.state()["weights/weight"], layer.weight)
