from typing import Any

import pytest
import torch
from torch import nn
from tripletmine.models.errors import ModelError
from tripletmine.models.parameter_groups import ParameterGroup, encoder_group
from tripletmine.models.train.optimisers import Optimiser
from tripletmine.models.train.settings import OptimiserSettings


def encoder(seed=0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(2, 4), nn.Linear(4, 2))


def built(network, settings=None, groups=None):
    groups = groups or [encoder_group(network)]
    return Optimiser(dict(network.named_parameters()), groups, settings or OptimiserSettings())


def torch_groups(optimiser):
    return [group for each in optimiser.torch_optimisers for group in each.param_groups]


def train(network, optimiser, steps, seed, share=1.0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(5, 3, generator=generator)).square().sum().backward()
        optimiser.step(share)


@pytest.mark.parametrize(
    ("kind", "made"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_kinds(kind, made):
    (found,) = built(encoder(), OptimiserSettings(optimiser=kind)).torch_optimisers
    assert type(found) is made


def test_only_matrices_decay():
    network = encoder()
    optimiser = built(network, OptimiserSettings(weight_decay=0.1))
    decayed = {id(p) for group in torch_groups(optimiser) if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(network[0].weight), id(network[2].weight)}
    assert sum(len(group["params"]) for group in torch_groups(optimiser)) == 6


def test_frozen_weights_are_left_out():
    network = encoder()
    network[0].requires_grad_(False)
    optimiser = built(network)
    assert sum(len(group["params"]) for group in torch_groups(optimiser)) == 4


def test_an_encoder_without_trainable_weights_is_refused():
    with pytest.raises(ModelError, match="no trainable weights"):
        encoder_group(encoder().requires_grad_(False))


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_a_restored_state_continues_bit_for_bit(kind):
    settings = OptimiserSettings(optimiser=kind, learning_rate=0.01)
    whole = encoder()
    optimiser = built(whole, settings)
    train(whole, optimiser, 3, seed=1)
    weights = {name: value.clone() for name, value in whole.state_dict().items()}
    state = optimiser.state()
    train(whole, optimiser, 3, seed=2)

    resumed = encoder(seed=9)
    resumed.load_state_dict(weights)
    optimiser = built(resumed, settings)
    optimiser.load_state(state)
    train(resumed, optimiser, 3, seed=2)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_state_is_a_copy():
    network = encoder()
    optimiser = built(network)
    train(network, optimiser, 1, seed=0)
    state = optimiser.state()
    kept = {name: value.clone() for name, value in state.items()}
    train(network, optimiser, 1, seed=1)
    assert all(torch.equal(state[name], kept[name]) for name in kept)
    assert any("exp_avg" in name for name in kept)


def test_state_of_another_encoder_is_refused():
    network = encoder()
    with pytest.raises(ModelError, match=r"optimiser state for '7\.weight'"):
        built(network).load_state({"7.weight/exp_avg": torch.zeros(1)})


def test_groups_have_rates_and_optimisers_of_their_own_and_share_the_schedule():
    network = encoder()
    groups = [
        ParameterGroup((network[0].weight,)),
        ParameterGroup((network[1].weight,), factor=5.0, weight_decay=0.5),
        ParameterGroup((network[2].weight,), rate=0.5, kind="sgd", momentum=0.0),
    ]
    optimiser = built(network, OptimiserSettings(learning_rate=0.01), groups)
    train(network, optimiser, 1, seed=0, share=0.5)
    assert [type(each) for each in optimiser.torch_optimisers] == [torch.optim.AdamW, torch.optim.SGD]
    assert [group["lr"] for group in torch_groups(optimiser)] == pytest.approx([0.005, 0.025, 0.25])


def test_an_sgd_group_takes_plain_steps_and_its_state_comes_back():
    network = encoder()
    own = ParameterGroup((network[2].weight,), rate=0.5, kind="sgd", momentum=0.0)
    optimiser = built(network, None, [ParameterGroup((network[0].weight,)), own])
    before = network[2].weight.detach().clone()
    train(network, optimiser, 1, seed=0, share=0.1)
    expected = before - 0.05 * network[2].weight.grad
    torch.testing.assert_close(network[2].weight.detach(), expected)
    again = built(network, None, [ParameterGroup((network[0].weight,)), own])
    again.load_state(optimiser.state())
    assert again.state().keys() == optimiser.state().keys()
    with pytest.raises(ModelError, match=r"'0\.weight', which is not trained here"):
        built(network, None, [own]).load_state(optimiser.state())


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"factor": -1.0}, {"kind": "lion"}])
def test_groups_out_of_range_are_refused(wrong):
    with pytest.raises(ModelError, match="of a parameter group is"):
        ParameterGroup((), **wrong)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"optimiser": "adam2"}, "did you mean 'adam'"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ModelError) as caught:
        OptimiserSettings(**settings)
    assert said in str(caught.value)
