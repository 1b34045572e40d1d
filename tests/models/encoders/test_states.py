import pytest
import torch
from torch import nn
from tripletmine.models.encoders.checkpoints import load_encoder_state, with_prefix, without_prefix
from tripletmine.models.errors import ModelError


def test_prefixes_are_put_on_and_taken_off():
    tensors = {"a": torch.ones(1), "encoder/b": torch.zeros(1)}
    assert without_prefix("x/", with_prefix("x/", tensors) | {"y/a": torch.ones(1)}) == tensors


def test_a_state_that_fits_is_loaded():
    source, target = nn.Linear(2, 3), nn.Linear(2, 3)
    load_encoder_state(target, source.state_dict())
    assert torch.equal(source.weight, target.weight)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"weight": torch.zeros(3, 2)}, "no weight 'bias'"),
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(3), "x": torch.zeros(1)}, "the weight 'x', which"),
        (
            {"weight": torch.zeros(3, 5), "bias": torch.zeros(3)},
            "'weight' is (3, 5) but the encoder's is (3, 2)",
        ),
    ],
)
def test_a_state_of_another_encoder_is_refused_and_nothing_is_loaded(state, said):
    target = nn.Linear(2, 3)
    before = target.weight.clone()
    with pytest.raises(ModelError) as caught:
        load_encoder_state(target, state)
    assert said in str(caught.value)
    assert "make the encoder as it was" in str(caught.value)
    assert torch.equal(target.weight, before)
