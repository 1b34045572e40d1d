import pytest
import torch
from torch import nn
from tripletmine.models.errors import ModelError
from tripletmine.models.optimisers import (
    OptimiserSettings,
    build_optimiser,
    load_optimiser_state,
    optimiser_state,
)


def encoder(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(2, 4), nn.Linear(4, 2))


def train(network, optimiser, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(5, 3, generator=generator)).square().sum().backward()
        optimiser.step()


@pytest.mark.parametrize(
    ("kind", "made"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_kinds(kind, made):
    assert type(build_optimiser(encoder(), OptimiserSettings(kind=kind))) is made


def test_only_matrices_decay():
    network = encoder()
    optimiser = build_optimiser(network, OptimiserSettings(weight_decay=0.1))
    decayed = {id(p) for group in optimiser.param_groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(network[0].weight), id(network[2].weight)}
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 6


def test_frozen_weights_are_left_out():
    network = encoder()
    network[0].requires_grad_(False)
    optimiser = build_optimiser(network, OptimiserSettings())
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 4


def test_an_encoder_without_trainable_weights_is_refused():
    with pytest.raises(ModelError, match="no trainable weights"):
        build_optimiser(encoder().requires_grad_(False), OptimiserSettings())


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_state_put_back_continues_with_the_same_bits(kind):
    settings = OptimiserSettings(kind=kind, learning_rate=0.01)
    whole = encoder()
    optimiser = build_optimiser(whole, settings)
    train(whole, optimiser, 3, seed=1)
    weights = {name: value.clone() for name, value in whole.state_dict().items()}
    state = optimiser_state(optimiser, whole)
    train(whole, optimiser, 3, seed=2)

    resumed = encoder(seed=9)
    resumed.load_state_dict(weights)
    optimiser = build_optimiser(resumed, settings)
    load_optimiser_state(optimiser, resumed, state)
    train(resumed, optimiser, 3, seed=2)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_state_is_a_copy():
    network = encoder()
    optimiser = build_optimiser(network, OptimiserSettings())
    train(network, optimiser, 1, seed=0)
    state = optimiser_state(optimiser, network)
    kept = {name: value.clone() for name, value in state.items()}
    train(network, optimiser, 1, seed=1)
    assert all(torch.equal(state[name], kept[name]) for name in kept)
    assert any("exp_avg" in name for name in kept)


def test_state_of_another_encoder_is_refused():
    network = encoder()
    with pytest.raises(ModelError, match=r"optimiser state for '7\.weight'"):
        load_optimiser_state(
            build_optimiser(network, OptimiserSettings()), network, {"7.weight/exp_avg": torch.zeros(1)}
        )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "adam2"}, "did you mean 'adam'"),
        ({"learning_rate": 0.0}, "train.learning_rate is 0.0"),
        ({"weight_decay": -1.0}, "train.weight_decay is -1.0"),
        ({"momentum": 1.0}, "train.momentum is 1.0"),
        ({"clip_norm": -1.0}, "train.clip_norm is -1.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ModelError) as caught:
        OptimiserSettings(**settings)
    assert said in str(caught.value)
