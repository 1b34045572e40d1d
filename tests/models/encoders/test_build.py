"""Built-in encoders and the probe that every encoder has to pass."""

from typing import Any

import pytest
import torch
from torch import nn
from tripletmine.models.encoders.build import build_encoder, encoder_from_factory
from tripletmine.models.encoders.probe import check_encoder
from tripletmine.models.errors import ModelError


def build(name="convnet", input_shape=(1, 28, 28), embedding_dim=16, arguments=None, seed=0):
    return build_encoder(
        name, input_shape=input_shape, embedding_dim=embedding_dim, arguments=arguments, seed=seed
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 20), (1, 3, 3), (1, 1, 5)])
@pytest.mark.parametrize("name", ["convnet", "mlp"])
def test_images_of_any_size_give_finite_float32_embeddings_with_gradient(name, shape):
    encoder = build(name, shape, arguments={"width": 8} if name == "convnet" else {"hidden": [16]})
    embeddings = encoder(torch.rand(5, *shape))
    assert embeddings.shape == (5, 16)
    assert embeddings.dtype == torch.float32
    embeddings.sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize("name", ["convnet", "mlp"])
def test_a_row_does_not_depend_on_the_other_rows_of_its_batch(name):
    encoder = build(name).train()
    images = torch.rand(6, 1, 28, 28)
    torch.testing.assert_close(encoder(images)[:1], encoder(images[:1]))


def test_the_seed_decides_the_weights_and_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, same, other = build(seed=1), build(seed=1), build(seed=2)
    assert torch.equal(torch.rand(3), expected)
    weights = [torch.cat([p.flatten() for p in m.parameters()]) for m in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_layer_norm_follows_the_encoder_and_has_no_weights():
    plain = build()
    normed = build_encoder("convnet", input_shape=(1, 28, 28), embedding_dim=16, layer_norm=True, seed=0)
    images = torch.rand(5, 1, 28, 28)
    given = plain(images)
    spread = given.var(dim=1, correction=0, keepdim=True) + 1e-5
    expected = (given - given.mean(dim=1, keepdim=True)) / spread.sqrt()
    torch.testing.assert_close(normed(images), expected)
    assert list(normed.state_dict()) == [f"0.{name}" for name in plain.state_dict()]


def test_width_blocks_and_channels_shape_the_convnet():
    def depths(**arguments):
        return [m.out_channels for m in build(arguments=arguments).modules() if isinstance(m, nn.Conv2d)]

    assert depths() == [32, 64, 128]
    assert depths(width=8, blocks=4) == [8, 16, 32, 64]
    assert depths(channels=[6, 10]) == [6, 10]


def test_groups_are_fitted_to_the_channels():
    norms = [
        m for m in build(arguments={"channels": [6, 9], "groups": 4}).modules() if isinstance(m, nn.GroupNorm)
    ]
    assert [norm.num_groups for norm in norms] == [2, 1]


def test_dropout_is_active_in_training_only():
    encoder = build(arguments={"dropout": 0.5})
    images = torch.rand(4, 1, 28, 28)
    assert not torch.equal(encoder.train()(images), encoder(images))
    assert torch.equal(encoder.eval()(images), encoder(images))


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "said"),
    [
        ("convnet", (1, 8, 8), {"widht": 3}, "did you mean 'width'"),
        ("convnet", (1, 8, 8), {"width": 0}, "width is 0 but must be at least 1"),
        ("convnet", (1, 8, 8), {"blocks": 7}, "blocks is 7 but must be at most 6"),
        ("convnet", (1, 8, 8), {"channels": []}, "channels is empty"),
        ("convnet", (1, 8, 8), {"channels": [4, 2.5]}, "channels[1] is 2.5"),
        ("convnet", (1, 8, 8), {"dropout": 1.0}, "dropout is 1.0 but must be below 1.0"),
        ("convnet", (64,), {}, "needs images: use the encoder 'mlp'"),
        ("mlp", (64,), {"hidden": [0]}, "hidden[0] is 0"),
        ("convnets", (1, 8, 8), {}, "did you mean 'convnet'"),
    ],
)
def test_wrong_settings_are_refused(name, shape, arguments, said):
    with pytest.raises(ModelError) as caught:
        build(name, shape, arguments=arguments)
    assert said in str(caught.value)


def test_embedding_dim_is_checked():
    with pytest.raises(ModelError, match=r"embedding_dim is 0 but must be at least 1"):
        build(embedding_dim=0)


class Fixed(nn.Module):
    """Returns, or raises, what it was made with, whatever the images."""

    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, images):
        if isinstance(self.output, Exception):
            raise self.output
        return self.output


def frozen(encoder):
    return encoder.requires_grad_(False)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Fixed(torch.zeros(2, 3)), "returned shape (2, 3) for a probe batch of 2 but must return (2, 4)"),
        (Fixed(torch.zeros(2, 4, 1)), "returned shape (2, 4, 1)"),
        (Fixed(torch.full((2, 4), torch.nan)), "returned NaN or infinite values"),
        (Fixed(torch.zeros(2, 4, dtype=torch.int64)), "returned a torch.int64 tensor"),
        (Fixed((1, 2)), "returned a tuple but must return a floating-point tensor"),
        (Fixed(RuntimeError("size mismatch at my layer")), "RuntimeError: size mismatch at my layer"),
        (Fixed(torch.zeros(2, 4)), "has no parameter that can be trained: give it a layer that learns"),
        (frozen(nn.Sequential(nn.Flatten(), nn.Linear(64, 4))), "has no parameter that can be trained"),
        ("no module", "gave a str but must give a torch.nn.Module"),
    ],
)
def test_a_user_encoder_that_returns_something_else_is_refused(made, said):
    with pytest.raises(ModelError) as caught:
        encoder_from_factory(
            lambda *, input_shape, embedding_dim: made,
            subject="encoder 'mine'",
            input_shape=(1, 8, 8),
            embedding_dim=4,
            seed=0,
        )
    assert "encoder 'mine'" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("layers", [(nn.Linear(64, 4),), (nn.LazyLinear(4),)])
def test_one_layer_that_learns_is_enough(layers):
    encoder = nn.Sequential(nn.Flatten(), *layers)
    assert (
        check_encoder(encoder, subject="encoder", input_shape=(1, 8, 8), embedding_dim=4, seed=0) is encoder
    )


def test_the_probe_leaves_layers_frozen_in_evaluation_mode_as_they_were():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Dropout(0.5)).train()
    encoder[2].eval()
    check_encoder(encoder, subject="encoder", input_shape=(1, 8, 8), embedding_dim=4, seed=0)
    assert encoder.training
    assert encoder[1].training
    assert not encoder[2].training


def test_lazy_layers_get_reproducible_weights_that_can_be_trained():
    def make(seed):
        return encoder_from_factory(
            lambda *, input_shape, embedding_dim: nn.Sequential(nn.Flatten(), nn.LazyLinear(embedding_dim)),
            subject="encoder 'lazy'",
            input_shape=(1, 8, 8),
            embedding_dim=4,
            seed=seed,
        )

    networks: Any = make(1), make(1), make(2)
    first, same, other = networks
    assert torch.equal(first[1].weight, same[1].weight)
    assert not torch.equal(first[1].weight, other[1].weight)
    first(torch.rand(2, 1, 8, 8)).sum().backward()
    assert first[1].weight.grad is not None
